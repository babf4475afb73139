import { CpnsError, isSgId, type SgId } from '@cpns/shared';
import type { ControlClient } from '../../control/control-client.js';

/**
 * The group that a person means by its SG ID or by its name; nothing where none is named, which is for the agent to find out. An SG ID is
 * never taken for a name: anybody can call a group by the SG ID of another one.
 * @throws CpnsError State/NotInGroup, State/WhichGroup
 */
export async function groupNamed(
  client: ControlClient,
  named: string | undefined,
  signal: AbortSignal,
): Promise<{ readonly group?: SgId }> {
  if (named === undefined) return {};
  if (isSgId(named)) return { group: named };
  const { groups } = await client.request('group.show', {}, { signal });
  const [found, another] = groups.filter(({ name }) => name === named);
  if (another !== undefined)
    throw new CpnsError('State', 'WhichGroup', `Several service groups are called "${named}": name one by its SG ID.`);
  if (found !== undefined) return { group: found.sgId };
  throw new CpnsError('State', 'NotInGroup', `This device is in no service group "${named}": see "cpns-agent group list".`);
}
