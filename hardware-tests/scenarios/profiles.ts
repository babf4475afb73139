/** What a device says about itself: the `device` settings of an agent's configuration. */
export interface Profile {
  readonly preference?: number;
  readonly power?: 'mains' | 'battery';
  readonly batteryPercent?: number;
  readonly cores?: number;
  readonly memoryMiB?: number;
  readonly networks?: readonly ('ethernet' | 'wifi' | 'cellular' | 'other')[];
  readonly userInterface?: 'yes' | 'no';
  readonly canRoute?: boolean;
}

export const PHONE: Profile = {
  power: 'battery',
  batteryPercent: 80,
  cores: 8,
  memoryMiB: 6_144,
  networks: ['wifi', 'cellular'],
  userInterface: 'yes',
};

/** The best suited of the three: mains power and plenty of everything. */
export const LAPTOP: Profile = {
  power: 'mains',
  batteryPercent: 100,
  cores: 8,
  memoryMiB: 16_384,
  networks: ['ethernet', 'wifi'],
  userInterface: 'yes',
};

/** No screen, no keyboard, few resources. */
export const BOARD: Profile = {
  power: 'mains',
  batteryPercent: 100,
  cores: 2,
  memoryMiB: 1_024,
  networks: ['ethernet'],
  userInterface: 'no',
};
