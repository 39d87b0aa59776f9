export const at = [3, 4, 6];
