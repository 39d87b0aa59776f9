export const at = [3, 4];
