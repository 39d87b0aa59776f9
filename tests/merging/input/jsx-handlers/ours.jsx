export const h = {
  click() {
    return <p>clicked</p>;
  },
  drag: () => <b>dragged</b>,
};
