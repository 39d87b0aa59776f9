package notes;

import java.util.HashMap;
import java.util.Map;

/** Keeps notes. */
public class Store {
    private final Map<String, String> notes = new HashMap<>();

    public void add(String name, String text) {
        notes.put(name, text);
    }

    long size() {
        return 0;
    }

    enum Kind {
        NOTE("a note"),
        TASK("a task");

        private final String label;

        Kind(String label) {
            this.label = label;
        }
    }
}
