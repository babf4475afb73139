import { nativeProvider } from '@cpns/shared/node';
import { nobleProvider } from '../../src/security/index.js';
import { describeCryptoProvider, describeInterop } from '../compliance/crypto-provider-compliance.js';

describeCryptoProvider(nobleProvider);
describeCryptoProvider(nativeProvider);
describeInterop(nobleProvider, nativeProvider);
