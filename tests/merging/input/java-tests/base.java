class StoreTest {
    @Test
    void adds() {
        check(1);
    }
}
