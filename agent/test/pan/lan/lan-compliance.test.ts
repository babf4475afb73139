import { describePanTechnology, type PanSeat } from '../../compliance/pan-technology-compliance.js';
import { LanDevice, privatePort } from './lan-lab.js';

describePanTechnology('LanTechnology', () => {
  const mdnsPort = privatePort();
  const seat = (): PanSeat => {
    const { id, lan } = new LanDevice({ mdnsPort });
    return { id, technology: lan };
  };
  return { one: seat(), other: seat(), nowhere: '127.0.0.1:1', dispose: async () => {} };
});
