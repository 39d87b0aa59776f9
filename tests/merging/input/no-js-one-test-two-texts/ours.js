const assert = require("assert");
const { add } = require("./sum");

describe("sum", () => {
  beforeEach(() => reset());

  it("adds", () => {
    assert.equal(add(1, 2), 3);
  });

  it("sums", () => {
    assert(add());
  });
});

module.exports = { add };
