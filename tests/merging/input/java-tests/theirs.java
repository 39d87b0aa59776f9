class StoreTest {
    @Test
    void adds() {
        check(1);
    }

    @Test
    void counts() {
        check(3);
    }
}
