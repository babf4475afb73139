// A radio process that behaves as its first argument says, for tests of what watches over it. Plain JavaScript: it is started as it is.
const [behaviour] = process.argv.slice(2);
const say = (message) => process.send(message);

process.on('disconnect', () => process.exit(0));
process.on('message', (message) => {
  if (message.type === 'ping') return say({ type: 'pong' });
  if (message.type === 'stop' && behaviour !== 'deaf') process.exit(0);
  if (message.type === 'want' && behaviour === 'wants') say({ type: 'problem', sentence: `Wanted: ${JSON.stringify(message.desire)}` });
  if (message.type === 'connect' && message.address.endsWith('01'))
    say({ type: 'connected', attempt: message.attempt, link: message.attempt });
  if (message.type === 'connect' && message.address.endsWith('02')) {
    say({ type: 'failed', attempt: message.attempt, family: 'Transport', code: 'NotConnected', sentence: 'It was not reached.' });
  }
  if (message.type === 'read') say({ type: 'entityId', attempt: message.attempt, text: 'sensor-1' });
  // Too late: whoever asked has gone.
  if (message.type === 'cancel') say({ type: 'connected', attempt: message.attempt, link: message.attempt });
  if (message.type === 'close') say({ type: 'problem', sentence: `Closed: ${message.link}` });
  if (message.type === 'proven') say({ type: 'problem', sentence: `Proven: ${message.link}` });
  if (message.type !== 'frame') return;
  const { link, octets } = message;
  say({ type: 'frame', link, octets });
  if (octets[0] === 1) say({ type: 'sent', link, weight: 128_000 });
  if (octets[0] === 2) say({ type: 'closed', link, reason: 'the other device is out of reach' });
});

say({ type: 'ready' });
if (behaviour === 'crashes') process.exit(3);
if (behaviour === 'dies') process.send({ type: 'pong' }, () => process.exit(3));
if (behaviour === 'lies') say({ type: 'rubbish' });
if (behaviour === 'unfit') {
  say({ type: 'problem', sentence: 'There is no Bluetooth here.' });
  setTimeout(() => process.exit(11), 50);
}
if (behaviour === 'freezes') setTimeout(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0), 50);
