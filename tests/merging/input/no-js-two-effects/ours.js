start();
log();
