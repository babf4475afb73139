import { groupKeyDelivery, sgData, sgInventoryNotice } from '../../messages/index.js';
import { outcomeTable } from './outcome-table.js';

/** What a PN GW makes of what it carries for a service group, by whether it has a route to members of that group. */
export const GROUP_AT_GATEWAY = outcomeTable(
  'to the members of a group there is',
  ['No route', 'Route'],
  [
    [sgInventoryNotice, 'of a member', 'Success → Route | Success'],
    [sgInventoryNotice, 'of nobody', 'Success | Success → No route'],
    [sgInventoryNotice, 'of nobody, overtaken', 'Success'],
    [groupKeyDelivery, '', 'ignored | Group Key Delivery'],
    [sgData, 'of a PNE', 'ignored | SG Data'],
    [sgData, 'of a PNE in the name of another', 'ignored'],
    [sgData, 'of the server', 'ignored | SG Data, SG Data Answer'],
  ],
);
