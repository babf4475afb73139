import { renderUnicodeCompact } from 'uqr';
import type { Enrolment } from '../../api/admin-port.js';

/** The enrolment of a device for a person: QR code, text, and what to do with it. */
export function enrolmentText({ entityId, userId, serverId, address, code }: Enrolment, qr: boolean): string[] {
  return [
    `Device "${entityId}" of "${userId}" is added. It will accept the server "${serverId}" and look for it at ${address}.`,
    '',
    ...(qr ? [...qrText(code), ''] : []),
    code,
    '',
    'This code is a secret and is not shown again. On the device: cpns-agent enrol CODE',
  ];
}

/** Dark modules on light ground whatever the colours of the terminal, so that cameras can read it. */
export function qrText(code: string): string[] {
  return renderUnicodeCompact(code, { border: 2 }).split('\n');
}
