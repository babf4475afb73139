import { type Bleno, loadBleno } from './libraries.js';
import { type BareLine, ECHO, SECRET_VALUE } from './protocol.js';

/** Serves the echo: what is written comes back as a notification. */
export function servePeripheral(say: (line: BareLine) => void): void {
  const bleno = loadBleno();
  bleno.on('stateChange', (state: string) => {
    say({ side: 'peripheral', event: 'state', state });
    if (state === 'poweredOn') bleno.startAdvertising('bare', [ECHO.service]);
  });
  bleno.on('advertisingStart', (error: Error | null) => {
    if (error !== null && error !== undefined) throw error;
    bleno.setServices([service(bleno, say)]);
    say({ side: 'peripheral', event: 'advertising' });
  });
  bleno.on('accept', (address: string) => say({ side: 'peripheral', event: 'accepted', address }));
  bleno.on('disconnect', (address: string) => say({ side: 'peripheral', event: 'disconnected', address }));
}

const SUCCESS = 0;

function service(bleno: Bleno, say: (line: BareLine) => void): object {
  let notify: ((octets: Buffer) => void) | undefined;
  const characteristics = [
    new bleno.Characteristic({
      uuid: ECHO.write,
      properties: ['write', 'writeWithoutResponse'],
      onWriteRequest: (octets, _offset, _withoutResponse, done) => {
        done(SUCCESS);
        notify?.(octets);
      },
    }),
    new bleno.Characteristic({
      uuid: ECHO.notify,
      properties: ['notify'],
      onSubscribe: (_mostOctets, update) => {
        notify = update;
        say({ side: 'peripheral', event: 'subscribed' });
      },
      onUnsubscribe: () => {
        notify = undefined;
      },
    }),
    new bleno.Characteristic({ uuid: ECHO.secret, properties: ['read'], secure: ['read'], value: Buffer.from(SECRET_VALUE) }),
  ];
  return new bleno.PrimaryService({ uuid: ECHO.service, characteristics });
}
