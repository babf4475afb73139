/** Resolves when `signal` fires, after `cleanUp`. */
export function untilAborted(signal: AbortSignal, cleanUp: () => void): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      cleanUp();
      resolve();
    };
    if (signal.aborted) return end();
    signal.addEventListener('abort', end, { once: true });
  });
}
