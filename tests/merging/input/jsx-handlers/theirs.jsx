export const h = {
  click() {
    return <p>clicked</p>;
  },

  async drop(x) {
    return x;
  },
};
