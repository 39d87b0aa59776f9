export interface User {
  name: string;
  /** In years. */
  age: number;
}
