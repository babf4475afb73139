// A group of MLS (RFC 9420) as one of its members sees it. Arguments: members, rounds, and how the group came about: `added`, all at
// once by its first member, or `grown`, two by two, with a commit of every other member, which fills the tree. Says what changes of
// the membership cost the member that commits them; CPU is of the whole process, as WebCrypto works in threads.
import {
  createCommit,
  createGroup,
  defaultCapabilities,
  defaultLifetime,
  emptyPskIndex,
  encodeMlsMessage,
  generateKeyPackage,
  getCiphersuiteFromName,
  getCiphersuiteImpl,
  joinGroup,
} from 'ts-mls';
import { say } from './say.mjs';

const [members, rounds] = process.argv.slice(2, 4).map(Number);
const grown = process.argv[4] === 'grown';
const cipherSuite = await getCiphersuiteImpl(getCiphersuiteFromName('MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519'));

let named = 0;
function keyPackage() {
  const credential = { credentialType: 'basic', identity: new TextEncoder().encode(`member-${named++}`) };
  return generateKeyPackage(credential, defaultCapabilities(), defaultLifetime, [], cipherSuite);
}

const commit = (state, proposals = []) => createCommit({ state, cipherSuite }, { wireAsPublicMessage: true, extraProposals: proposals });
const add = ({ publicPackage }) => ({ proposalType: 'add', add: { keyPackage: publicPackage } });
const remove = (removed) => ({ proposalType: 'remove', remove: { removed } });

async function emptyGroup() {
  const { publicPackage, privatePackage } = await keyPackage();
  return await createGroup(new Uint8Array(16), publicPackage, privatePackage, [], cipherSuite);
}

async function addedAtOnce() {
  const others = await Promise.all(Array.from({ length: members - 1 }, keyPackage));
  return (await commit(await emptyGroup(), others.map(add))).newState;
}

async function grownByTwos() {
  let state = (await commit(await emptyGroup(), [add(await keyPackage())])).newState;
  while (named < members) {
    const { publicPackage, privatePackage } = await keyPackage();
    const { welcome, newState } = await commit(state, [add({ publicPackage }), add(await keyPackage())]);
    const joined = await joinGroup(welcome, publicPackage, privatePackage, emptyPskIndex, cipherSuite, newState.ratchetTree);
    state = (await commit(joined)).newState;
  }
  return state;
}

function cpuMs() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** CPU of each round, and what everybody is sent. States do not change in place, so every round starts from the same one. */
async function measure(state, proposals) {
  const ms = [];
  let made;
  for (let round = 0; round < rounds; round++) {
    const startedMs = cpuMs();
    made = await commit(state, proposals);
    ms.push(cpuMs() - startedMs);
  }
  const path = made.commit.publicMessage.content.commit.path?.nodes ?? [];
  const ciphertexts = path.reduce((sum, { encryptedPathSecret }) => sum + encryptedPathSecret.length, 0);
  return { ms, ciphertexts, octets: encodeMlsMessage(made.commit).length };
}

const state = await (grown ? grownByTwos() : addedAtOnce());
const batch = Array.from({ length: Math.max(1, Math.floor(members / 10)) }, (_, i) => remove(1 + i * 10));
say({ leave: await measure(state, [remove(1)]) });
say({ join: await measure(state, [add(await keyPackage())]) });
say({ batch: await measure(state, batch) });
