// Performs the steps in its arguments after `--`, one after the other.
import java.io.BufferedReader;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.InputStreamReader;
import java.util.Arrays;

public class Main {
    public static void main(String[] args) throws Exception {
        var in = new BufferedReader(new InputStreamReader(System.in));
        var out = new FileOutputStream(FileDescriptor.out);
        var all = Arrays.asList(args);
        for (String word : all.subList(all.indexOf("--") + 1, all.size())) {
            String[] parts = word.split(":");
            switch (parts[0]) {
                case "say" -> out.write(("x".repeat(Integer.parseInt(parts[1]) - 1) + "\n").getBytes());
                case "hear" -> in.readLine().length();
                case "hear-all" -> { while (in.readLine() != null) {} }
                case "shut-output" -> out.close();
                case "exit" -> System.exit(Integer.parseInt(parts[1]));
            }
        }
    }
}
