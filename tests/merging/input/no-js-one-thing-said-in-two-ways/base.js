const lines = indent([
  "start();",
  "return done;",
]);
