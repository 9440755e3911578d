using System.Diagnostics;
using System.Globalization;
using Tempo.Perf.Load.Observe;
using Tempo.Perf.Load.Traffic;

namespace Tempo.Perf.Load.Verbs;

/// <summary>
/// <c>neighbours</c>: what a tenant that sends queries of death costs another one, and how soon a query stops that nobody waits for.
/// Starts the binary on an empty data folder with the same spans for both tenants, and prints
/// <code>
/// p50 and p99 of the neighbour's small searches   alone, and beside a number of clients that send expensive queries without a pause
/// CPU after a client has gone                     what the server computes in the time after its only client closes the connection
/// </code>
/// </summary>
internal static class NeighboursVerb
{
    private const int SpansPerRequest = 1000;
    private const string Neighbour = "neighbour", Death = "death";

    private static readonly string[] Deaths =
    [
        "/api/metrics/query_range?since=1h&step=1s&q=" + Uri.EscapeDataString("{ } | compare({ status = error }, 100)"),
        "/api/metrics/query_range?since=1h&step=10s&q="
            + Uri.EscapeDataString("{ } | quantile_over_time(duration, .1, .5, .9, .99) by (name)"),
        "/api/search?limit=100000&q=" + Uri.EscapeDataString("{ } >> { span.http.url =~ `.*(a|b)+c.*` } | count() > 0"),
        "/api/search?limit=100000&q=" + Uri.EscapeDataString("({ } !>> { name =~ `.*x.*` }) | by(span.session.id) | count() > 0"),
    ];

    public static int Run(OptionReader options)
    {
        string binary = Path.GetFullPath(options.Text("--binary") ?? "artifacts/tempo/tempo");
        int spans = options.Int("--spans", 200_000, 1000, 100_000_000);
        int questions = options.Int("--questions", 300, 10, 1_000_000);
        int clients = options.Int("--clients", 8, 1, 1000);
        int cancels = options.Int("--cancels", 50, 1, 100_000);
        options.ExpectEnd();
        using var server = new StartedServer(binary, isMultitenant: true);
        using var client = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{server.Api}"), Timeout = TimeSpan.FromMinutes(10) };
        foreach (string tenant in new[] { Neighbour, Death }) Send(server, tenant, spans);
        Ask(client, "/flush", Neighbour, CancellationToken.None, HttpMethod.Post).GetAwaiter().GetResult();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{spans} spans of each tenant in blocks; {questions} searches of the neighbour one after the other; {Environment.ProcessorCount} cores, shared with this tool"));
        Measure(client, questions / 10 + 1);
        (double p50, double p99) alone = Measure(client, questions);
        (double p50, double p99) beside = BesideDeaths(client, clients, questions);
        Console.WriteLine("| neighbour | p50 ms | p99 ms |\n|---|---|---|");
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"| alone | {alone.p50:F1} | {alone.p99:F1} |"));
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"| beside {clients} clients of death | {beside.p50:F1} | {beside.p99:F1} |"));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"p99 is {beside.p99 / alone.p99:F1} times (goal: 2)"));
        PrintCancels(client, new ServerProcess(server.Pid), cancels);
        return 0;
    }

    private static (double P50, double P99) BesideDeaths(HttpClient client, int clients, int questions)
    {
        using var enough = new CancellationTokenSource();
        Task[] deaths = [.. Enumerable.Range(0, clients).Select(number => Task.Run(async () =>
        {
            for (int i = number; !enough.IsCancellationRequested; i++)
            {
                try
                {
                    await Ask(client, Deaths[i % Deaths.Length], Death, enough.Token).ConfigureAwait(false);
                }
                catch (OperationCanceledException)
                {
                }
            }
        }))];
        Thread.Sleep(1000);
        var measured = Measure(client, questions);
        enough.Cancel();
        Task.WaitAll(deaths);
        return measured;
    }

    private static (double P50, double P99) Measure(HttpClient client, int questions)
    {
        var times = new double[questions];
        for (int i = 0; i < questions; i++)
        {
            long began = Stopwatch.GetTimestamp();
            Ask(client, "/api/search?limit=20&q=" + Uri.EscapeDataString("{ status = error && resource.service.name = `cart` }"), Neighbour,
                CancellationToken.None).GetAwaiter().GetResult();
            times[i] = Stopwatch.GetElapsedTime(began).TotalMilliseconds;
        }

        Array.Sort(times);
        return (times[questions / 2], times[Math.Min(questions - 1, questions * 99 / 100)]);
    }

    // The client goes in the middle of a query, at another moment each time; then the server's CPU is watched until it stands still.
    private static void PrintCancels(HttpClient client, ServerProcess server, int cancels)
    {
        const int quietMs = 20;
        var after = new List<double>();
        for (int i = 0; i < cancels; i++)
        {
            using var gone = new CancellationTokenSource();
            Task asking = Ask(client, Deaths[i % Deaths.Length], Death, gone.Token);
            Thread.Sleep(5 + i * 7 % 60);
            if (asking.IsCompleted) continue;
            gone.Cancel();
            double cpu = server.CpuSeconds() ?? 0, last = cpu;
            for (int quiet = 0; quiet < quietMs;)
            {
                Thread.Sleep(1);
                double now = server.CpuSeconds() ?? 0;
                quiet = now - last < 50e-6 ? quiet + 1 : 0;
                last = Math.Max(last, now);
            }

            after.Add((last - cpu) * 1000);
            try
            {
                asking.GetAwaiter().GetResult();
            }
            catch (OperationCanceledException)
            {
            }
        }

        after.Sort();
        if (after.Count == 0) Console.WriteLine("no query took long enough to be cancelled");
        else Console.WriteLine(
            string.Create(CultureInfo.InvariantCulture,
                $"CPU that the server used after the client had gone, {after.Count} queries: p50 {after[after.Count / 2]:F1} ms, p99 {after[after.Count * 99 / 100]:F1} ms, most {after[^1]:F1} ms (goal: nothing after 100 ms)"));
    }

    private static async Task Ask(HttpClient client, string path, string tenant, CancellationToken cancellation, HttpMethod? method = null)
    {
        using var request = new HttpRequestMessage(method ?? HttpMethod.Get, path);
        request.Headers.Add("X-Scope-OrgID", tenant);
        using HttpResponseMessage response = await client.SendAsync(request, cancellation).ConfigureAwait(false);
        if ((int)response.StatusCode is not (200 or 204 or 422 or 429))
            throw new IOException(
                $"{path}: {(int)response.StatusCode} {await response.Content.ReadAsStringAsync(cancellation).ConfigureAwait(false)}");
    }

    private static void Send(StartedServer server, string tenant, int spans)
    {
        using var client = new HttpClient();
        client.DefaultRequestHeaders.Add("X-Scope-OrgID", tenant);
        var stamper = new RequestStamper(1);
        for (int sent = 0; sent < spans;)
        {
            RequestTemplate template = new TemplateBuilder((ulong)(sent / SpansPerRequest % 32) + 1, SpansPerRequest).Build();
            StampedPost.Send(client, server, stamper, template);
            sent += template.SpanCount;
        }
    }
}
