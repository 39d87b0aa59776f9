export const a = 1;

export function c() {
  return 3;
}