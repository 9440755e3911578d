using System.Globalization;

namespace Tempo.Ring.Simulation;

/// <summary>
/// Lives of rings of two to four nodes, with all of the real code but sockets and threads, from seeds: each a kill, power cut, pause, cut,
/// outage of etcd, faults of the store, rolling restart or bad network after the other, under load. TEMPO_RING_SIM_SEEDS says how many,
/// TEMPO_RING_SIM_FROM the first.
/// </summary>
public sealed class RingSimulationTests(ITestOutputHelper output)
{
    [Fact]
    public async Task Whatever_a_seed_does_to_a_ring_what_was_acknowledged_is_found_once_or_the_answer_says_that_it_is_partial()
    {
        var seeds = FromEnvironment("TEMPO_RING_SIM_SEEDS", 40);
        var first = FromEnvironment("TEMPO_RING_SIM_FROM", 1);
        var failures = new List<string>();
        var progress = Environment.GetEnvironmentVariable("TEMPO_RING_SIM_LOG"); // where each seed is told of as soon as it was lived
        var (sent, acknowledged, answers, partial, unanswered, events) = (0L, 0L, 0L, 0L, 0L, 0L);
        for (var seed = first; seed < first + seeds; seed++)
        {
            Outcome life;
            try
            {
                life = await RingLife.RunAsync(seed);
            }
            catch (InvalidOperationException e)
            {
                failures.Add(e.Message);
                if (progress is not null) await File.AppendAllTextAsync(progress, $"{e.Message}\n\n");
                continue;
            }

            (sent, acknowledged, answers, partial, unanswered,
                events) = (sent + life.Sent, acknowledged + life.Acknowledged, answers + life.Answers, partial + life.Partial,
                    unanswered + life.Unanswered, events + life.Events);
            if (progress is not null) await File.AppendAllTextAsync(progress, $"{seed}: {life}\n");
        }

        output.WriteLine($"seeds {first} to {first + seeds - 1}: {acknowledged} of {sent} spans acknowledged, {answers} answers, {partial} of them partial, {unanswered} questions without one, {events} events");
        Assert.True(failures.Count == 0, $"{failures.Count} seeds:\n{string.Join("\n\n", failures.Take(8))}");
        Assert.True(acknowledged > seeds * 20, $"only {acknowledged} spans were acknowledged");
    }

    [Fact]
    public async Task The_same_seed_is_the_same_life_event_by_event()
    {
        for (var seed = 1; seed <= 3; seed++)
        {
            var (first, second) = (await EventsAsync(seed), await EventsAsync(seed));
            var different = first.Zip(second).Index().FirstOrDefault(static pair => pair.Item.First != pair.Item.Second);
            Assert.True(first.SequenceEqual(second),
                $"seed {seed}: event {different.Index} is once '{different.Item.First}' and once '{different.Item.Second}'\n{string.Join('\n', first.Skip(different.Index - 10).Take(14))}\n--\n{string.Join('\n', second.Skip(different.Index - 10).Take(14))}");
        }
    }

    private static async Task<List<string>> EventsAsync(int seed)
    {
        var events = new List<string>();
        World.Trace = events.Add;
        events.Add((await RingLife.RunAsync(seed)).ToString());
        World.Trace = null;
        return events;
    }

    private static int FromEnvironment(string name, int otherwise) =>
        Environment.GetEnvironmentVariable(name) is { } text ? int.Parse(text, CultureInfo.InvariantCulture) : otherwise;
}
