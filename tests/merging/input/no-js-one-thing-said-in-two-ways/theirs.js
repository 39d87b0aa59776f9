const lines = indent([
  "start();",
  "seen = told;",
  "return done;",
]);
