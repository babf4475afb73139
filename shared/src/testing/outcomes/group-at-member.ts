import {
  groupKeyDelivery,
  sgActionRequest,
  sgData,
  sgExpelledNotice,
  sgKeptMessages,
  sgMemberChangeNotification,
  sgObjectRequest,
  sgObjectsChangeNotification,
  sgOwnerChangeNotification,
  sgOwnerTransferRequest,
  sgReleaseNotification,
} from '../../messages/index.js';
import { outcomeTable } from './outcome-table.js';

/** What a device makes of messages about a service group, by what it is to that group. */
export const GROUP_AT_MEMBER = outcomeTable(
  'to a group the device is',
  ['Stranger', 'Asked', 'Keyless', 'Member', 'Left'],
  [
    [sgActionRequest, 'invite', 'Success | Busy | Success | Success | Success'],
    [sgActionRequest, 'join of another', 'Pending'],
    [sgActionRequest, 'expel', 'BadAction'],
    [sgOwnerTransferRequest, '', 'NotMember | NotMember | SG Owner Transfer Response | SG Owner Transfer Response | NotMember'],
    [sgMemberChangeNotification, 'of this device', 'Success'],
    [sgMemberChangeNotification, 'of another', 'Success'],
    [sgOwnerChangeNotification, '', 'Success'],
    [sgExpelledNotice, '', 'Success | Success | Success → Left | Success → Left | Success'],
    [sgReleaseNotification, '', 'Success | Success | Success → Left | Success → Left | Success'],
    [sgObjectRequest, 'of none', 'NotMember | NotMember | UnknownContent | UnknownContent | NotMember'],
    [sgObjectsChangeNotification, '', 'Success'],
    [sgKeptMessages, 'of its own epoch', 'NotMember | NotMember | Busy | Success | NotMember'],
    [sgKeptMessages, 'with a former key', 'NotMember | NotMember | shown | shown | NotMember'],
    [groupKeyDelivery, 'again', 'ignored | ignored | ignored | Group Key Ack | ignored'],
    [groupKeyDelivery, 'not of the server', 'ignored'],
    [sgData, 'of a member', 'ignored | ignored | shown later → Member | shown | ignored'],
    [sgData, 'under a later key', 'ignored | ignored | ignored | Group Key Resync Request | ignored'],
    [sgData, 'under no key', 'ignored'],
    [undefined, 'an answer that nobody waits for', 'ignored'],
  ],
);
