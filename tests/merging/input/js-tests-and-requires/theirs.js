const assert = require("assert");
const { add } = require("./sum");
const { mul } = require("./product");

describe("sum", () => {
  beforeEach(() => reset());

  it("adds", () => {
    assert.equal(add(1, 2), 3);
  });

  // slow
  it("multiplies", () => {
    assert.equal(mul(2, 1), 2);
  });
});

module.exports = { add, mul };
