using System.Globalization;
using Tempo.Perf.Load.Observe;
using Tempo.Perf.Load.Traffic;

namespace Tempo.Perf.Load.Verbs;

/// <summary>
/// <c>trace</c>: what the answer to one trace costs by its id. Starts the binary on an empty data folder, sends one trace of many spans
/// of the usual traffic, and asks for it in each form, from live data and from blocks: CPU of the server for one answer, and how
/// far its memory grows meanwhile. The answers are read and counted, not kept.
/// </summary>
internal static class TraceVerb
{
    private const int SpansPerRequest = 500;
    private const int KeepAnswersBytes = 1 << 16;

    private static readonly (string Name, string Path, string Accept)[] Forms =
    [
        ("v1 protobuf", "/api/traces/", "application/protobuf"),
        ("v2 protobuf", "/api/v2/traces/", "application/protobuf"),
        ("v1 JSON", "/api/traces/", "application/json"),
        ("v2 JSON", "/api/v2/traces/", "application/json"),
    ];

    public static int Run(OptionReader options)
    {
        string binary = Path.GetFullPath(options.Text("--binary") ?? "artifacts/tempo/tempo");
        int spans = options.Int("--spans", 10_000, 1, 100_000_000);
        int rounds = options.Int("--rounds", spans > 100_000 ? 1 : 20, 1, 100_000);
        bool isAnew = options.Flag("--anew");
        string only = options.Text("--only") ?? "";
        options.ExpectEnd();
        using var server = new StartedServer(binary);
        using var client = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{server.Api}"), Timeout = TimeSpan.FromMinutes(10) };
        var forms = Forms.Where(form => form.Name.Contains(only, StringComparison.OrdinalIgnoreCase)).ToArray();
        if (forms.Length == 0) throw new OptionException($"--only is '{only}', which is in no name of {string.Join(", ", Forms.Select(static form => form.Name))}.");
        string id = Send(server, spans, out long bytes);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"one trace of {spans} spans, {bytes / 1e6:F1} MB as OTLP; CPU of the server for one answer (mean of {rounds}), growth of its resident memory"));
        Console.WriteLine("| from | answer | MB | CPU ms | RSS before the first, MiB | growth, MiB |");
        Console.WriteLine("|---|---|---|---|---|---|");
        Measure("live", server, client, id, rounds, forms);
        client.GetAsync(new Uri("/flush", UriKind.Relative)).GetAwaiter().GetResult().EnsureSuccessStatusCode();
        Restart(server, client);
        if (!isAnew)
        {
            Measure("blocks", server, client, id, rounds, forms);
            return 0;
        }

        // Each by a process that has answered nothing before it, so that no answer has the garbage of another in it.
        foreach (var form in forms)
        {
            Measure("blocks", server, client, id, rounds, form);
            Restart(server, client);
        }

        return 0;
    }

    private static void Restart(StartedServer server, HttpClient client)
    {
        server.Restart();
        client.GetAsync(new Uri("/api/search?q={name=`nothing`}", UriKind.Relative)).GetAwaiter().GetResult().EnsureSuccessStatusCode();
    }

    // The requests go out one after the other: 1 M spans are 2,000 of them.
    private static string Send(StartedServer server, int spans, out long bytes)
    {
        using var client = new HttpClient();
        var stamper = new RequestStamper(1) { OnlyTrace = (0x1122334455667788, 0x99AABBCCDDEEFF00) };
        bytes = 0;
        for (int sent = 0; sent < spans;)
        {
            RequestTemplate template = new TemplateBuilder((ulong)sent + 1, Math.Min(SpansPerRequest, spans - sent)).Build();
            bytes += StampedPost.Send(client, server, stamper, template);
            sent += template.SpanCount;
        }

        return Convert.ToHexStringLower(stamper.LastTraceIds(new TemplateBuilder(1, 1).Build())[..16]);
    }

    private static void Measure(
        string source, StartedServer server, HttpClient client, string id, int rounds,
        params (string Name, string Path, string Accept)[] forms)
    {
        var watched = new ServerProcess(server.Pid);
        var buffer = new byte[KeepAnswersBytes];
        long before = watched.Memory()?.ResidentBytes ?? 0; // of the first answer, so that nothing that stays is missed
        foreach (var (name, path, accept) in forms)
        {
            watched.TryResetPeak();
            if (rounds > 1) Get(client, path + id, accept, buffer); // pages of the binary, pools
            double cpu = watched.CpuSeconds() ?? 0;
            long bytes = 0;
            for (int round = 0; round < rounds; round++) bytes = Get(client, path + id, accept, buffer);
            cpu = (watched.CpuSeconds() ?? 0) - cpu;
            long peak = watched.Memory()?.PeakBytes ?? 0;
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"| {source} | {name} | {bytes / 1e6:F1} | {cpu * 1000 / rounds:F1} | {before / 1048576.0:F0} | {(peak - before) / 1048576.0:F0} |"));
        }
    }

    private static long Get(HttpClient client, string path, string accept, byte[] buffer)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Accept.ParseAdd(accept);
        using HttpResponseMessage response = client.Send(request, HttpCompletionOption.ResponseHeadersRead);
        response.EnsureSuccessStatusCode();
        using Stream stream = response.Content.ReadAsStream();
        long total = 0;
        for (int count; (count = stream.Read(buffer)) > 0;) total += count;
        return total;
    }
}
