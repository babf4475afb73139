import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ARBITER_TIMES,
  type ArbiterState,
  type Command,
  type Input,
  initialState,
  type StackCommand,
  step,
} from '../../../../src/pan/ble/radio/arbiter.js';

/** A stack and its surroundings: does what the arbiter says, as well or as badly as the test wants. */
class World {
  readonly said: Command[] = [];
  state: ArbiterState;
  nowMs = 1_000;
  scanning = false;
  advertising: number | undefined;
  connecting: number | undefined;
  linked = 0;
  served = false;
  #wakeMs: number | undefined;
  readonly #dice: () => number;

  constructor(adapters: ArbiterState['adapters'], dice: () => number = () => 0.5) {
    this.state = initialState(adapters);
    this.#dice = dice;
  }

  get gaveUp(): boolean {
    return this.said.some(({ kind }) => kind === 'giveUp');
  }

  input(input: Input): Command[] {
    const { state, commands, wakeMs } = step(this.state, input, { nowMs: this.nowMs, dice: this.#dice() });
    this.state = state;
    this.#wakeMs = wakeMs;
    this.said.push(...commands);
    for (const command of commands) this.#check(command);
    return [...commands];
  }

  want(desire: Partial<ArbiterState['desire']>): Command[] {
    return this.input({ kind: 'wanted', desire: { ...this.state.desire, ...desire } });
  }

  /** The stack did what it was told. */
  obey(): Command[] {
    const command = this.state.busy?.command;
    if (command?.kind === 'scan') this.scanning = command.on;
    if (command?.kind === 'advertise') this.advertising = command.version;
    return this.input({ kind: 'done', ok: true });
  }

  /** Everything that is said from now on is done, and time goes on, for `ms` or until there is nothing to do. */
  settle(ms: number): void {
    const untilMs = this.nowMs + ms;
    for (let left = 10_000; left > 0 && !this.gaveUp; left--) {
      if (this.state.busy !== undefined) this.obey();
      else if (this.connecting !== undefined) this.attempted(true);
      else if (typeof this.state.served === 'object') this.leave();
      else if (this.state.jobs.some(({ heard }) => !heard) && this.scanning) this.hearAll();
      else if (this.#wakeMs !== undefined && this.#wakeMs <= untilMs) this.wait(this.#wakeMs - this.nowMs);
      else break;
    }
    if (this.nowMs < untilMs) this.wait(untilMs - this.nowMs);
  }

  /** Time goes on, commands are obeyed, and nobody is heard. */
  pass(ms: number): void {
    this.wait(ms);
    while (this.state.busy !== undefined) this.obey();
  }

  wait(ms: number): void {
    this.nowMs += ms;
    this.input({ kind: 'tick' });
  }
  attempted(linked: boolean): void {
    const job = this.connecting as number;
    this.connecting = undefined;
    this.linked += linked ? 1 : 0;
    this.input({ kind: 'attempted', job, linked });
  }
  unlink(): void {
    this.linked--;
    this.input({ kind: 'centralGone' });
  }
  accept(): void {
    this.served = true;
    this.advertising = undefined;
    this.input({ kind: 'accepted' });
  }
  leave(offence = false): void {
    this.served = false;
    this.input({ kind: 'servedGone', offence });
  }
  hearAll(): void {
    for (const { id } of this.state.jobs) this.input({ kind: 'heard', job: id });
  }

  #check(command: Command): void {
    if (command.kind === 'connect') {
      expect(this.connecting).toBeUndefined();
      expect(this.scanning).toBe(false);
      if (this.state.adapters === 'one') expect([this.advertising, this.served]).toEqual([undefined, false]);
      this.connecting = command.job;
    }
    if (this.state.adapters === 'two') return;
    if (command.kind === 'scan' && command.on) expect([this.advertising, this.connecting]).toEqual([undefined, undefined]);
    if (command.kind === 'advertise' && command.version !== undefined) {
      expect([this.scanning, this.connecting, this.linked, this.served]).toEqual([false, undefined, 0, false]);
    }
  }
}

const scan = (on: boolean): StackCommand => ({ kind: 'scan', on });
const advertise = (version: number | undefined): StackCommand => ({ kind: 'advertise', version });

describe('one adapter', () => {
  it('listens and is heard in turn', () => {
    const world = new World('one');
    world.want({ scan: true, advertise: 1 });
    world.settle(5_000);
    const turns = world.said.filter((command) => JSON.stringify(command) === JSON.stringify(scan(true))).length;
    expect(turns).toBeGreaterThan(2);
    expect(turns).toBeLessThan(10);
    expect(world.said).toContainEqual(advertise(1));
  });

  it('does one thing all the time when the other is not wanted', () => {
    const central = new World('one');
    central.want({ scan: true, advertise: 1, role: 'central' });
    central.settle(10_000);
    expect(central.said).toEqual([scan(true)]);
    const peripheral = new World('one');
    peripheral.want({ scan: false, advertise: 1, role: 'peripheral' });
    peripheral.settle(10_000);
    expect(peripheral.said).toEqual([advertise(1)]);
  });

  it('advertises anew what has changed, and begins anew what is old', () => {
    const world = new World('one');
    world.want({ advertise: 1 });
    world.settle(1_000);
    world.want({ advertise: 2 });
    world.settle(ARBITER_TIMES.refreshMs + 10_000);
    expect(world.said).toEqual([advertise(1), advertise(2), advertise(2)]);
  });

  it('listens for a peer before it connects, and stops listening to connect', () => {
    const world = new World('one');
    world.want({ advertise: 1, role: 'either' });
    world.settle(100);
    world.input({ kind: 'asked', job: 7 });
    for (let ms = 0; ms < 2_000 && !world.scanning; ms += 50) world.pass(50);
    expect(world.scanning).toBe(true);
    world.input({ kind: 'heard', job: 7 });
    world.obey();
    expect(world.said.slice(-3)).toEqual([scan(true), scan(false), { kind: 'connect', job: 7 }]);
    world.attempted(true);
    const { length } = world.said;
    world.settle(5_000);
    expect(world.said.length).toBe(length);
  });

  it('shows itself also while it seeks somebody, who may be seeking it', () => {
    const world = new World('one');
    world.want({ advertise: 1, role: 'either' });
    world.input({ kind: 'asked', job: 7 });
    for (let ms = 0; ms < 5_000; ms += 50) world.pass(50);
    const times = (command: object) => world.said.filter((said) => JSON.stringify(said) === JSON.stringify(command)).length;
    expect(times(advertise(1))).toBeGreaterThan(1);
    expect(times(scan(true))).toBeGreaterThan(1);
  });

  it('does not connect while it serves somebody else', () => {
    const world = new World('one');
    world.want({ advertise: 1, role: 'peripheral' });
    world.settle(100);
    world.accept();
    world.settle(100);
    world.input({ kind: 'asked', job: 7 });
    world.input({ kind: 'heard', job: 7 });
    expect(world.said.some(({ kind }) => kind === 'connect' || kind === 'refuse')).toBe(false);
    expect(world.input({ kind: 'proven' })).toEqual([{ kind: 'refuse', job: 7 }]);
  });

  it('turns round when it is to be central and has somebody to connect to, not before', () => {
    const world = new World('one');
    world.want({ advertise: 1 });
    world.settle(100);
    world.accept();
    world.input({ kind: 'proven' });
    world.settle(1_000);
    world.want({ role: 'central', scan: true });
    world.settle(20_000);
    expect(world.said.some(({ kind }) => kind === 'closeServed')).toBe(false);
    world.input({ kind: 'asked', job: 7 });
    world.settle(1_000);
    expect(world.said.filter(({ kind }) => kind === 'closeServed' || kind === 'connect')).toEqual([
      { kind: 'closeServed' },
      { kind: 'connect', job: 7 },
    ]);
  });

  it('throws out a central that came in while it was about to connect', () => {
    const world = new World('one');
    world.input({ kind: 'asked', job: 7 });
    world.obey();
    world.hearAll();
    world.obey();
    expect(world.connecting).toBe(7);
    world.served = true;
    expect(world.input({ kind: 'accepted' })).toEqual([{ kind: 'closeServed' }]);
  });

  it('serves nobody for a while after two bad centrals in a row', () => {
    const world = new World('one');
    world.want({ advertise: 1, role: 'peripheral' });
    const serve = (offence: boolean, proven = false) => {
      world.settle(100);
      world.accept();
      if (proven) world.input({ kind: 'proven' });
      world.leave(offence);
      world.settle(100);
    };
    serve(true);
    serve(false, true);
    serve(true);
    expect(world.advertising).toBe(1);
    serve(true);
    world.settle(ARBITER_TIMES.pauseMs - 1_000);
    expect(world.advertising).toBeUndefined();
    world.settle(2_000);
    expect(world.advertising).toBe(1);
  });

  it('gives up on a stack that does not answer, or refuses for ever', () => {
    const silent = new World('one');
    silent.want({ scan: true });
    silent.wait(ARBITER_TIMES.commandMs);
    expect(silent.gaveUp).toBe(true);
    const stubborn = new World('one');
    stubborn.want({ scan: true });
    for (let i = 0; i < 20 && !stubborn.gaveUp; i++) {
      stubborn.input({ kind: 'done', ok: false });
      stubborn.wait(ARBITER_TIMES.backOffMaxMs);
    }
    expect(stubborn.gaveUp).toBe(true);
  });
});

describe('two adapters', () => {
  it('are used at the same time', () => {
    const world = new World('two');
    world.want({ scan: true, advertise: 1, role: 'either' });
    world.settle(10_000);
    expect(world.said).toEqual([scan(true), advertise(1)]);
    world.accept();
    world.input({ kind: 'proven' });
    world.input({ kind: 'asked', job: 7 });
    world.settle(1_000);
    expect(world.linked).toBe(1);
    expect(world.served).toBe(true);
  });
});

const event = fc.oneof(
  fc.record({
    kind: fc.constant('want' as const),
    scan: fc.boolean(),
    advertise: fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined }),
    role: fc.constantFrom('central' as const, 'peripheral' as const, 'either' as const),
  }),
  fc.record({ kind: fc.constantFrom('asked' as const, 'withdrawn' as const, 'heard' as const), job: fc.integer({ min: 1, max: 4 }) }),
  fc.record({
    kind: fc.constantFrom('obey' as const, 'accept' as const, 'proven' as const, 'centralGone' as const, 'scanStopped' as const),
  }),
  fc.record({ kind: fc.constantFrom('leave' as const, 'attempted' as const, 'done' as const), well: fc.boolean() }),
  fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 4_000 }) }),
);

it('comes to what is wanted from wherever it was, once the stack behaves', () => {
  const run = fc.property(
    fc.constantFrom('one' as const, 'two' as const),
    fc.array(event, { maxLength: 60 }),
    fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), { minLength: 7, maxLength: 7 }),
    (adapters, events, dice) => {
      let rolled = 0;
      const world = new World(adapters, () => dice[rolled++ % dice.length] as number);
      for (const happening of events) {
        if (world.gaveUp) return;
        apply(world, happening);
      }
      if (world.gaveUp) return;
      world.input({ kind: 'tick' });
      world.settle(ARBITER_TIMES.pauseMs + ARBITER_TIMES.backOffMaxMs);
      // Whoever was there leaves: then everything that is wanted must be the case, in turn where it must.
      if (world.served) world.leave();
      world.settle(5_000);
      const from = world.said.length;
      while (world.linked > 0) world.unlink();
      const { advertise: version, role, scan: listens } = world.state.desire;
      const refreshed = ARBITER_TIMES.refreshMs + 5_000;
      world.settle(refreshed);
      expect(world.gaveUp).toBe(false);
      expect(world.state.jobs).toEqual([]);
      const said = world.said.slice(from).map((command) => JSON.stringify(command));
      if (listens) expect(said).toContain(JSON.stringify(scan(true)));
      else expect(world.scanning).toBe(false);
      if (version !== undefined && role !== 'central') expect(said).toContain(JSON.stringify(advertise(version)));
      else expect(world.advertising).toBeUndefined();
    },
  );
  fc.assert(run, { numRuns: 1_000 });
});

function apply(world: World, happening: typeof event extends fc.Arbitrary<infer T> ? T : never): void {
  switch (happening.kind) {
    case 'want':
      return void world.want(happening);
    case 'asked':
    case 'withdrawn':
    case 'heard':
      return void world.input(happening);
    case 'obey':
      return void (world.state.busy !== undefined && world.obey());
    case 'accept':
      // A controller is connected to only while it advertises.
      return void (world.advertising !== undefined && !world.served && world.accept());
    case 'proven':
      return void (world.served && world.input({ kind: 'proven' }));
    case 'centralGone':
      return void (world.linked > 0 && world.unlink());
    case 'scanStopped':
      world.scanning = false;
      return void world.input({ kind: 'scanStopped' });
    case 'leave':
      return void (world.served && world.leave(happening.well));
    case 'attempted':
      return void (world.connecting !== undefined && world.attempted(happening.well));
    case 'done':
      return void (happening.well ? world.obey() : world.input({ kind: 'done', ok: false }));
    case 'wait':
      return world.wait(happening.ms);
  }
}
