import {
  groupKeyAck,
  groupKeyResyncRequest,
  sgActionRequest,
  sgActionResponse,
  sgCreateRequest,
  sgData,
  sgDataAnswer,
  sgDiscoveryRequest,
  sgObjectChangeRequest,
  sgObjectRequest,
  sgObjectResponse,
  sgOwnerTransferRequest,
  sgOwnerTransferResponse,
  sgReleaseRequest,
} from '../../messages/index.js';
import { outcomeTable } from './outcome-table.js';

/** What the server makes of messages about a service group, by what their sender is to that group. */
export const GROUP_AT_SERVER = outcomeTable(
  'to a group the sender is',
  ['Unknown', 'Stranger', 'Asked', 'Member', 'Offered', 'Owner', 'Released'],
  [
    [sgCreateRequest, 'of another group', 'Success'],
    [
      sgActionRequest,
      'join',
      'UnknownSg | Success → Member | Success → Member | AlreadyMember | AlreadyMember | AlreadyMember | UnknownSg',
    ],
    [
      sgActionRequest,
      'leave',
      'UnknownSg | NotMember | NotMember | Success → Stranger | Success → Stranger | Success → Stranger | UnknownSg',
    ],
    [sgActionRequest, 'invite', 'UnknownSg | NotMember | NotMember | NotOwner | NotOwner | Pending | UnknownSg'],
    [sgActionRequest, 'expel', 'UnknownSg | NotMember | NotMember | NotOwner | NotOwner | Success | UnknownSg'],
    [sgActionResponse, 'yes', 'ignored | ignored | taken → Member | ignored | ignored | ignored | ignored'],
    [sgReleaseRequest, '', 'UnknownSg | NotMember | NotMember | NotOwner | NotOwner | Success → Released | UnknownSg'],
    [
      sgDiscoveryRequest,
      'of that group',
      'nothing | the group | the group | the group, members | the group, members | the group, members | nothing',
    ],
    [sgOwnerTransferRequest, '', 'UnknownSg | NotMember | NotMember | NotOwner | NotOwner | Pending | UnknownSg'],
    [sgOwnerTransferResponse, 'yes', 'ignored | ignored | ignored | ignored | taken → Owner | ignored | ignored'],
    [groupKeyResyncRequest, '', 'UnknownSg | NotMember | NotMember | Success | Success | Success | UnknownSg'],
    [groupKeyAck, '', 'ignored | ignored | ignored | taken | taken | taken | ignored'],
    [sgObjectRequest, 'of none', 'UnknownSg | NotMember | NotMember | UnknownContent | UnknownContent | UnknownContent | UnknownSg'],
    [sgObjectChangeRequest, 'of its own', 'UnknownSg | NotMember | NotMember | Success | Success | Success | UnknownSg'],
    [sgObjectChangeRequest, 'of another', 'UnknownSg | NotMember | NotMember | BadMessage | BadMessage | BadMessage | UnknownSg'],
    [sgObjectResponse, 'to nothing', 'ignored'],
    [sgDataAnswer, 'to nothing', 'ignored'],
    [
      sgData,
      'of the sender',
      'SG Inventory Notice | SG Inventory Notice | SG Inventory Notice | SG Data | SG Data | SG Data | SG Inventory Notice',
    ],
    [
      sgData,
      'in the name of the sender',
      'SG Inventory Notice | SG Inventory Notice | SG Inventory Notice | ignored | ignored | ignored | SG Inventory Notice',
    ],
  ],
);
