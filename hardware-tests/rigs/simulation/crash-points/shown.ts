import type { Scene } from './scene.js';
export function shownWrongly(_scene: Scene): string[] {
  return [];
}
