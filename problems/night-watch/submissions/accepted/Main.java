import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.util.Arrays;
import java.util.StringTokenizer;

public class Main {
    // Blocks of about the square root of the number of sections, each with its own pending change.
    private static final int BLOCK = 300;

    private final long[] torches;
    private final long[] largest;
    private final long[] pending;

    private Main(int sections) {
        torches = new long[sections];
        largest = new long[sections / BLOCK + 1];
        pending = new long[sections / BLOCK + 1];
    }

    private void light(int from, int to, long change) {
        for (int block = from / BLOCK; block <= (to - 1) / BLOCK; block++) {
            int start = block * BLOCK;
            int end = Math.min(start + BLOCK, torches.length);
            if (from <= start && end <= to) {
                pending[block] += change;
                continue;
            }
            for (int i = Math.max(from, start); i < Math.min(to, end); i++) torches[i] += change;
            largest[block] = Arrays.stream(torches, start, end).max().getAsLong();
        }
    }

    private long ask(int from, int to) {
        long answer = Long.MIN_VALUE;
        for (int block = from / BLOCK; block <= (to - 1) / BLOCK; block++) {
            int start = block * BLOCK;
            int end = Math.min(start + BLOCK, torches.length);
            if (from <= start && end <= to) {
                answer = Math.max(answer, largest[block] + pending[block]);
                continue;
            }
            for (int i = Math.max(from, start); i < Math.min(to, end); i++) {
                answer = Math.max(answer, torches[i] + pending[block]);
            }
        }
        return answer;
    }

    public static void main(String[] args) throws IOException {
        BufferedReader input = new BufferedReader(new InputStreamReader(System.in));
        StringTokenizer line = new StringTokenizer(input.readLine());
        Main wall = new Main(Integer.parseInt(line.nextToken()));
        int events = Integer.parseInt(line.nextToken());
        StringBuilder answers = new StringBuilder();
        for (int i = 0; i < events; i++) {
            line = new StringTokenizer(input.readLine());
            boolean isQuestion = line.nextToken().equals("ask");
            int from = Integer.parseInt(line.nextToken()) - 1;
            int to = Integer.parseInt(line.nextToken());
            if (isQuestion) {
                answers.append(wall.ask(from, to)).append('\n');
            } else {
                wall.light(from, to, Long.parseLong(line.nextToken()));
            }
        }
        System.out.print(answers);
    }
}
