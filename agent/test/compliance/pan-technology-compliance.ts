import { CpnsError, type EntityId, type Link } from '@cpns/shared';
import { Mode } from '@cpns/shared/messages';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LinkProbe } from '../../../shared/test/compliance/link-compliance.js';
import type { PanEvents, PanTechnology, Sighting } from '../../src/entity/pan-technology.js';

/** One device with the technology under test. */
export interface PanSeat {
  readonly id: EntityId;
  /** Not started. */
  readonly technology: PanTechnology;
}

/** What the suite needs to know about the technology under test; made afresh for every test. */
export interface PanHarness {
  /** Devices that know each other and are near each other. */
  readonly one: PanSeat;
  readonly other: PanSeat;
  /** An address of this technology where nobody is. */
  readonly nowhere: string;
  /** Lets time pass until `wait` has settled. Default: real time passes by itself. */
  drive?<T>(wait: Promise<T>): Promise<T>;
  /** Ends everything that the technologies do not end themselves. */
  dispose(): Promise<void>;
}

/** Collects what a technology reports and lets a test wait for it. */
class PanProbe implements PanEvents {
  readonly near = new Map<EntityId, Sighting>();
  readonly links: Link[] = [];
  readonly lostIds: EntityId[] = [];
  reports = 0;
  #watchers: (() => void)[] = [];

  sighted(sighting: Sighting): void {
    this.near.set(sighting.id, sighting);
    this.#reported();
  }
  lost(id: EntityId): void {
    this.near.delete(id);
    this.lostIds.push(id);
    this.#reported();
  }
  accepted(link: Link): void {
    this.links.push(link);
    this.#reported();
  }
  problem(): void {
    this.#reported();
  }

  until(met: () => boolean): Promise<void> {
    if (met()) return Promise.resolve();
    return new Promise((resolve) => {
      const watch = () => {
        if (!met()) return;
        this.#watchers = this.#watchers.filter((known) => known !== watch);
        resolve();
      };
      this.#watchers.push(watch);
    });
  }

  #reported(): void {
    this.reports++;
    for (const watch of [...this.#watchers]) watch();
  }
}

const NEVER = new AbortController().signal;

/** What every {@link PanTechnology} must do. `limitMs`: how long a test may take. */
export function describePanTechnology(name: string, make: () => PanHarness | Promise<PanHarness>, limitMs = 60_000): void {
  describe(`${name} as a PanTechnology`, { timeout: limitMs }, () => {
    let harness: PanHarness;
    let near: PanProbe;
    let far: PanProbe;
    const drive = <T>(wait: Promise<T>): Promise<T> => harness.drive?.(wait) ?? wait;

    beforeEach(async () => {
      harness = await make();
      [near, far] = [new PanProbe(), new PanProbe()];
    });
    afterEach(async () => {
      await drive(Promise.all([harness.one.technology.stop(), harness.other.technology.stop()]));
      await harness.dispose();
    });

    async function start(): Promise<void> {
      const { one, other } = harness;
      for (const { technology } of [one, other]) technology.announce({ mode: Mode.Unassigned, pairing: false });
      await drive(Promise.all([one.technology.start(near), other.technology.start(far)]));
    }

    /** Both are started, and the first has sighted the second. */
    async function sighting(): Promise<Sighting> {
      await start();
      const { id } = harness.other;
      await drive(near.until(() => near.near.has(id)));
      return near.near.get(id) as Sighting;
    }

    async function linked(): Promise<readonly [initiator: Link, responder: Link]> {
      const { addresses } = await sighting();
      const [initiator] = await drive(Promise.all([harness.one.technology.dial(addresses, NEVER), far.until(() => far.links.length > 0)]));
      return [initiator, far.links[0] as Link];
    }

    it('sights the other device, with what it announces and where it can be dialled', async () => {
      const { id, technology, mode, pairing, addresses } = await sighting();
      expect([id, technology, mode, pairing]).toEqual([harness.other.id, harness.one.technology.type, Mode.Unassigned, false]);
      expect(addresses.length).toBeGreaterThan(0);
      for (const address of addresses) expect(harness.one.technology.canDial(address)).toBe(true);
      expect(near.near.has(harness.one.id)).toBe(false);
    });

    it('tells when the other device announces something else', async () => {
      await sighting();
      const { id, technology } = harness.other;
      technology.announce({ mode: Mode.Pne, pairing: true });
      await drive(near.until(() => near.near.get(id)?.mode === Mode.Pne && near.near.get(id)?.pairing === true));
      technology.announce({ mode: Mode.Pne, pairing: false });
      await drive(near.until(() => near.near.get(id)?.pairing === false));
      expect(near.lostIds).toEqual([]);
    });

    it('dials where the other device was sighted, which is handed a link', async () => {
      const [initiator, responder] = await linked();
      const { type } = harness.one.technology;
      expect([initiator, responder].map(({ technology, initiated }) => [technology, initiated])).toEqual([
        [type, true],
        [type, false],
      ]);
      harness.one.technology.proven(initiator);
      harness.other.technology.proven(responder);
      const [left, right] = [new LinkProbe(), new LinkProbe()];
      initiator.open(left);
      responder.open(right);
      initiator.send(Uint8Array.of(1, 2, 3));
      responder.send(Uint8Array.of(4));
      await drive(Promise.all([left.received(1), right.received(1)]));
      expect([left.frames, right.frames]).toEqual([[Uint8Array.of(4)], [Uint8Array.of(1, 2, 3)]]);
    });

    it('says that nobody answers where nobody is', async () => {
      await sighting();
      const failure = await drive(
        harness.one.technology.dial([harness.nowhere], NEVER).then(
          () => undefined,
          (error: unknown) => error,
        ),
      );
      expect(failure).toBeInstanceOf(CpnsError);
      expect(['Transport', 'Timeout']).toContain((failure as CpnsError).family);
    });

    it('gives up dialling with the reason of the signal, before and while it dials', async () => {
      const { addresses } = await sighting();
      const reason = new CpnsError('State', 'Aborted', 'It was given up.');
      const { technology } = harness.one;
      await expect(technology.dial(addresses, AbortSignal.abort(reason))).rejects.toBe(reason);
      const controller = new AbortController();
      const dialling = technology.dial(addresses, controller.signal);
      controller.abort(reason);
      await expect(drive(dialling)).rejects.toBe(reason);
    });

    it('tells that a device that has stopped is gone, and closes its links', async () => {
      const links = await linked();
      const probes = links.map((link) => {
        const probe = new LinkProbe();
        link.open(probe);
        return probe;
      });
      const { id, technology } = harness.other;
      await drive(technology.stop());
      await drive(Promise.all(probes.map((probe) => probe.ended())));
      await drive(near.until(() => !near.near.has(id)));
      expect(near.lostIds).toEqual([id]);
    });

    it('reports nothing more once it has stopped', async () => {
      await sighting();
      const { one, other } = harness;
      await drive(one.technology.stop());
      const { reports } = near;
      other.technology.announce({ mode: Mode.Pne, pairing: true });
      await drive(other.technology.stop());
      expect(near.reports).toBe(reports);
      await expect(drive(one.technology.dial([harness.nowhere], NEVER))).rejects.toThrow();
    });

    it('can be asked and told at any time, and stopped without having been started, and twice', async () => {
      const { technology } = harness.one;
      for (const act of [() => {}, () => drive(technology.start(near)), () => drive(technology.stop()), () => drive(technology.stop())]) {
        await act();
        technology.announce({ mode: Mode.Pne, pairing: false });
        technology.refresh();
        technology.addresses();
        expect(technology.canDial(harness.nowhere)).toBe(true);
      }
      await drive(harness.other.technology.stop());
    });
  });
}
