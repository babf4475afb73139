import { linked, peerOf } from './acts/look.js';
import { showLink, takeLink } from './acts/pair.js';
import { BOARD, PHONE } from './profiles.js';
import { defineScenario } from './scenario.js';

/** The link with another secret. */
function forged(link: string): string {
  const at = link.length - 4;
  return link.slice(0, at) + (link[at] === 'A' ? 'B' : 'A') + link.slice(at + 1);
}

export const pairByLink = defineScenario({
  name: 'pair-by-link',
  title: 'A device without a screen pairs by a link that serves once; a forged link pairs nothing.',
  needs: ['ip'],
  run: async (t) => {
    const [board, phone] = await Promise.all([t.stage.device('board', { profile: BOARD }), t.stage.device('phone', { profile: PHONE })]);
    t.step('The board shows a link.');
    const { link, pairing } = await showLink(board);
    t.check('what is secret stands behind the "#"', /^http:\/\/[^#]+\/p#[\w-]+$/.test(link), link);

    t.step('The phone takes a forged link, then the real one.');
    const refused = await takeLink(phone, forged(link), 4_000).then(
      () => 'it paired',
      () => undefined,
    );
    t.check('a forged link pairs nothing', refused === undefined, refused);
    t.check('the phone has kept nothing', (await peerOf(phone, board))?.paired !== true);
    const taken = await takeLink(phone, link);
    const shown = await pairing;
    t.same('the phone paired with the board', [taken.peer, taken.method], [board.id, 'link']);
    t.same('the board paired with the phone', [shown.peer, shown.method], [phone.id, 'link']);
    await linked(t, board, phone);

    t.step('The link is used again.');
    const again = await takeLink(phone, link, 4_000).then(
      () => 'it paired',
      () => undefined,
    );
    t.check('a link serves once', again === undefined, again);
    await linked(t, board, phone);
  },
});
