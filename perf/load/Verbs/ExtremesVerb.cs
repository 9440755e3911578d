using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using Tempo.Perf.Load.Observe;
using Tempo.Perf.Load.Traffic;

namespace Tempo.Perf.Load.Verbs;

/// <summary>
/// <c>extremes</c>: what bounds the server's memory where senders know no bounds: attribute values of which none is twice the same, an
/// attribute of ten megabytes, a tenant for each request. Each in a server of its own, with --memory-mib on one processor and with so much
/// memory; prints what was taken and the resident memory.
/// </summary>
internal static class ExtremesVerb
{
    private const int ValuesOfASpan = 10, SpansOfARequest = 500, AtOnce = 8, LargeRequests = 20;

    public static int Run(OptionReader options)
    {
        string binary = Path.GetFullPath(options.Text("--binary") ?? "artifacts/tempo/tempo");
        long values = options.Long("--values", 10_000_000, 0, 1_000_000_000);
        int tenants = options.Int("--tenants", 1_000_000, 0, 100_000_000);
        int megabytes = options.Int("--attribute-mb", 10, 0, 60);
        int limit = options.Int("--memory-mib", 0, 0, 1 << 20);
        options.ExpectEnd();
        Console.WriteLine("| what | requests | taken | seconds | server CPU, s | RSS before, MiB | at the most | at the end | tag values answered | killed |\n|---|---|---|---|---|---|---|---|---|---|");
        if (values > 0)
            Measure(binary, limit, $"{values} attribute values", (int)(values / (ValuesOfASpan * SpansOfARequest)), isMultitenant: false,
                static i => (Distinct(i), null));
        if (megabytes > 0)
            Measure(binary, limit, $"attributes of {megabytes} MB", LargeRequests, isMultitenant: false, i => (Large(megabytes, i), null));
        if (tenants > 0)
        {
            byte[] one = Bare();
            Measure(binary, limit, $"{tenants} tenants", tenants, isMultitenant: true, i => (one, $"tenant-{i}"));
        }

        return 0;
    }

    private static void Measure(
        string binary, int limit, string what, int requests, bool isMultitenant, Func<int, (byte[] Body, string? Tenant)> make)
    {
        using Confinement? confinement = limit > 0 ? new Confinement(limit) : null;
        using var server = new StartedServer(binary, isMultitenant, launcher: confinement?.Launcher ?? []);
        var clock = Stopwatch.StartNew();
        using var client = new HttpClient { Timeout = TimeSpan.FromMinutes(5) };
        var process = new ServerProcess(server.Pid);
        long before = process.Memory()?.ResidentBytes ?? 0;
        var (next, taken) = (-1, 0);
        Task.WaitAll([.. Enumerable.Range(0, AtOnce).Select(_ => Task.Run(async () =>
        {
            for (int i = Interlocked.Increment(ref next); i < requests; i = Interlocked.Increment(ref next))
            {
                var (body, tenant) = make(i);
                // What is to be tried again is: nothing is proved by what was not taken for want of room.
                while (true)
                {
                    HttpStatusCode status = await Post(client, server.Http, body, tenant).ConfigureAwait(false);
                    if (status == HttpStatusCode.OK) Interlocked.Increment(ref taken);
                    if (status != HttpStatusCode.ServiceUnavailable) break;
                    await Task.Delay(100).ConfigureAwait(false);
                }
            }
        }))]);
        double seconds = clock.Elapsed.TotalSeconds;
        long most = process.Memory()?.PeakBytes ?? 0;
        string answered = isMultitenant ? "" : Answered(client, server.Api);
        MemoryReading end = process.Memory() ?? default;
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"| {what} | {requests} | {taken} | {seconds:F0} | {process.CpuSeconds():F0} | {before >> 20} | {Math.Max(most, end.PeakBytes) >> 20} | {end.ResidentBytes >> 20} | {answered} | {confinement?.Kills} |"));
    }

    // A failure is a figure, too: the memory may be too little for it.
    private static string Answered(HttpClient client, int port)
    {
        using HttpResponseMessage answer =
            client.GetAsync(new Uri($"http://127.0.0.1:{port}/api/v2/search/tag/span.key-0/values")).GetAwaiter().GetResult();
        long bytes = answer.Content.ReadAsByteArrayAsync().GetAwaiter().GetResult().Length;
        return answer.IsSuccessStatusCode
            ? string.Create(CultureInfo.InvariantCulture, $"{bytes} bytes")
            : string.Create(CultureInfo.InvariantCulture, $"refused, {(int)answer.StatusCode}");
    }

    private static async Task<HttpStatusCode> Post(HttpClient client, int port, byte[] body, string? tenant)
    {
        using var request =
            new HttpRequestMessage(HttpMethod.Post, new Uri($"http://127.0.0.1:{port}/v1/traces")) { Content = new ByteArrayContent(body) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/x-protobuf");
        if (tenant is not null) request.Headers.Add("X-Scope-OrgID", tenant);
        using HttpResponseMessage response = await client.SendAsync(request).ConfigureAwait(false);
        return response.StatusCode;
    }

    private static byte[] Distinct(int request)
    {
        var writer = new TemplateWriter();
        for (int i = 0; i < SpansOfARequest; i++)
        {
            int span = i;
            WriteSpan(writer, attributes =>
            {
                for (int value = 0; value < ValuesOfASpan; value++)
                    attributes.Text($"key-{value}", string.Create(CultureInfo.InvariantCulture, $"value-{request}-{span}-{value}"));
            });
        }

        return writer.ToArray();
    }

    private static byte[] Large(int megabytes, int request)
    {
        var writer = new TemplateWriter();
        WriteSpan(writer, attributes => attributes.Text("key-0", new string((char)('a' + request % 26), megabytes * 1_000_000)));
        return writer.ToArray();
    }

    private static byte[] Bare()
    {
        var writer = new TemplateWriter();
        WriteSpan(writer, static _ => { });
        return writer.ToArray();
    }

    // A request with one span, of which several one after the other are one, too.
    private static void WriteSpan(TemplateWriter writer, Action<AttributeWriter> writeAttributes)
    {
        int resource = writer.Begin(OtlpFields.ExportRequest.ResourceSpans);
        int scope = writer.Begin(OtlpFields.ResourceSpans.ScopeSpans);
        int span = writer.Begin(OtlpFields.ScopeSpans.Spans);
        writer.Bytes(OtlpFields.Span.TraceId, RandomNumberGenerator.GetBytes(16));
        writer.Bytes(OtlpFields.Span.SpanId, RandomNumberGenerator.GetBytes(8));
        writer.Text(OtlpFields.Span.Name, "extreme");
        ulong now = (ulong)DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() * 1_000_000;
        writer.Fixed64(OtlpFields.Span.StartTimeUnixNano, now);
        writer.Fixed64(OtlpFields.Span.EndTimeUnixNano, now);
        writeAttributes(new AttributeWriter(writer, OtlpFields.Span.Attributes, new Xoshiro256(1)));
        writer.End(span);
        writer.End(scope);
        writer.End(resource);
    }
}
