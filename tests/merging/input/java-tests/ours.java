class StoreTest {
    @Test
    void adds() {
        check(1);
    }

    @Test
    void finds() {
        check(2);
    }
}
