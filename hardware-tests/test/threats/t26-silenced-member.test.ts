import { type EntityId, entityId } from '@cpns/shared';
import { nativeProvider as provider } from '@cpns/shared/node';
import { GroupKey, GroupMessages, type MessageMark } from '@cpns/shared/security';
import { InsecureSeededEntropy } from '@cpns/shared/testing';
import { describe, expect, it } from 'vitest';

const SG_ID = new Uint8Array(16).fill(3);
const HIGHEST_BOOT = 0xffff_ffff;
const [victim, insider, listener] = ['victim', 'insider', 'listener'].map(entityId) as [EntityId, EntityId, EntityId];
const content = new Uint8Array([1]);

const groupKey = (epoch: number) => new GroupKey(`epoch ${epoch}`, new Uint8Array(32).fill(epoch));

/** A member that holds the key of epoch 1. Who lies calls itself `self`. */
function member(self: EntityId, bootCounter: number, marks: readonly MessageMark[] = [], key = groupKey(1)): GroupMessages {
  const entropy = new InsecureSeededEntropy(`${self} ${bootCounter}`);
  return new GroupMessages(SG_ID, { provider, entropy, self, bootCounter, current: { epoch: 1n, key }, marks });
}

const refused = (code: string) => expect.objectContaining({ name: 'CpnsError', code });

describe('T26 An insider silences a group member', () => {
  it('nobody without the Group Key does: what does not verify moves no window, whatever its boot counter', () => {
    const [honest, hears] = [member(victim, 7), member(listener, 1)];
    const outsider = member(victim, HIGHEST_BOOT, [], groupKey(9));
    expect(() => hears.open(outsider.seal(content, 0), 0)).toThrow(refused('WrongTag'));
    expect(hears.open(honest.seal(content, 0), 0)).toMatchObject({ idSender: victim });
  });

  it('one message in the name of the victim with the highest boot counter silences it, if a gateway or the server lets it pass', () => {
    const [honest, hears] = [member(victim, 7), member(listener, 1)];
    hears.open(honest.seal(content, 0), 0);
    hears.open(member(victim, HIGHEST_BOOT).seal(content, 0), 0);
    expect(() => hears.open(honest.seal(content, 0), 0)).toThrow(refused('OldSalt'));
  });

  it('and then for this epoch only: the next key begins without windows, also after a restart of who listens', () => {
    const [honest, before] = [member(victim, 7), member(listener, 1)];
    before.open(member(victim, HIGHEST_BOOT).seal(content, 0), 0);
    for (const hears of [before, member(listener, 2, before.marks())]) {
      expect(() => hears.open(honest.seal(content, 0), 0)).toThrow(refused('OldSalt'));
      hears.install({ epoch: 2n, key: groupKey(2), graceMs: 0 }, 0);
    }
    honest.install({ epoch: 2n, key: groupKey(2), graceMs: 0 }, 0);
    expect(before.open(honest.seal(content, 1), 1)).toMatchObject({ idSender: victim, epoch: 2n });
  });

  it('what an insider sends in its own name takes nothing from others', () => {
    const [honest, hears] = [member(victim, 7), member(listener, 1)];
    for (let boot = 0; boot < 100; boot++) hears.open(member(insider, boot).seal(content, 0), 0);
    hears.open(member(insider, HIGHEST_BOOT).seal(content, 0), 0);
    expect(hears.open(honest.seal(content, 0), 0)).toMatchObject({ idSender: victim });
  });

  it('a message of the victim that comes back to it counts for nothing', () => {
    const honest = member(victim, 7);
    expect(() => honest.open(member(victim, HIGHEST_BOOT).seal(content, 0), 0)).toThrow(refused('OwnMessage'));
    expect(member(listener, 1).open(honest.seal(content, 0), 0)).toMatchObject({ idSender: victim });
  });
});
