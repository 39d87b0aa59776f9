const assert = require("assert");
const { add } = require("./sum");
const { sub } = require("./difference");

describe("sum", () => {
  beforeEach(() => reset());

  it("adds", () => {
    assert.equal(add(1, 2), 3);
  });

  it("subtracts", () => {
    assert.equal(sub(2, 1), 1);
  });
});

module.exports = { add, sub };
