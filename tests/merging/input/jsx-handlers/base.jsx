export const h = {
  click() {
    return <p>clicked</p>;
  },
};
