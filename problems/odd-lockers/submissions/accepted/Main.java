import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.util.StringTokenizer;

public class Main {
    private static final int LOCKERS = 1_000_000;

    public static void main(String[] args) throws IOException {
        boolean[] open = new boolean[LOCKERS + 1];
        boolean[] composite = new boolean[LOCKERS + 1];
        for (int p = 2; p <= LOCKERS; p++) {
            if (composite[p]) continue;
            for (int multiple = p; multiple <= LOCKERS; multiple += p) {
                open[multiple] = !open[multiple];
                composite[multiple] = true;
            }
        }
        int[] upTo = new int[LOCKERS + 1];
        for (int k = 1; k <= LOCKERS; k++) {
            upTo[k] = upTo[k - 1] + (open[k] ? 1 : 0);
        }
        BufferedReader input = new BufferedReader(new InputStreamReader(System.in));
        int questions = Integer.parseInt(input.readLine().trim());
        StringBuilder answers = new StringBuilder();
        for (int i = 0; i < questions; i++) {
            StringTokenizer line = new StringTokenizer(input.readLine());
            int l = Integer.parseInt(line.nextToken());
            int r = Integer.parseInt(line.nextToken());
            answers.append(upTo[r] - upTo[l - 1]).append('\n');
        }
        System.out.print(answers);
    }
}
