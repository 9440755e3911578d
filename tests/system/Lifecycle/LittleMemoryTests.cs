using System.Buffers.Binary;
using Tempo.SystemTests.Otlp;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Lifecycle;

/// <summary>
/// With little memory each answer whose size the data decides is given, cut and marked, or refused by name of the limit; never an error of
/// ours, and the server is none the worse. The heap has what the runtime gives a process in a group of 256 MiB.
/// </summary>
public sealed class LittleMemoryTests
{
    private const int Requests = 120, SpansOfARequest = 500, ValuesOfASpan = 4, LargeTraceRequests = 60;
    private const long HeapBytes = 192L << 20;

    /// <summary>Answers of all that may find no memory for a moment: a few of some thirty.</summary>
    private const int MostAgain = 8;

    private static readonly string LargeTrace = Spans.NewTraceId();
    private static readonly long Now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();

    /// <summary>Paths, and whether more is asked for than there is memory for.</summary>
    private static IEnumerable<(string Path, string? Accept, bool IsTooMuch)> Table()
    {
        const string values = "/api/v2/search/tag/span.key-0/values";
        yield return (values, null, true);
        yield return (values, "application/protobuf", true);
        yield return (values + "?q=" + Uri.EscapeDataString("{ span.key-1 != nil }"), null, true);
        yield return ("/api/search/tag/key-0/values", null, true);
        yield return ("/api/v2/search/tags", null, false);
        foreach (var query in new[] { "{ }", "{ } | select(span.key-0, span.key-1, span.key-2, span.key-3)", "{ } | by(span.key-0)" })
            yield return ("/api/search?limit=262144&spss=100&q=" + Uri.EscapeDataString(query), null, true);
        yield return ("/api/search?limit=20&q=" + Uri.EscapeDataString("{ }"), null, false);
        foreach (var function in new[] { "rate() by (span.key-0)", "rate() by (span.key-0, span.key-1, span.key-2)",
            "quantile_over_time(duration, .9) by (span.key-0)", "count_distinct(span.key-0)" })
            yield return ($"/api/metrics/query_range?q={Uri.EscapeDataString("{ } | " + function)}&start={Now - 600}&end={Now + 600}&step=10s", null, true);
        yield return ($"/api/metrics/query_range?q={Uri.EscapeDataString("{ } | rate() by (resource.service.name)")}&start={Now - 600}&end={Now + 600}&step=10s", null, false);
        yield return ($"/api/metrics/query_range?q={Uri.EscapeDataString("{ } | compare({ name = \"extreme\" }, 1000)")}&start={Now - 600}&end={Now + 600}&step=60s", null, true);
        yield return ($"/api/v2/service-graph?start={Now - 600}&end={Now + 600}", null, false);
        foreach (var accept in new[] { "application/json", "application/protobuf", "application/vnd.grafana.llm" })
            yield return ($"/api/v2/traces/{LargeTrace}", accept, false);
        yield return ($"/api/traces/{LargeTrace}", null, false);
        yield return ($"/jaeger/api/traces/{LargeTrace}", null, false);
        yield return ($"/zipkin/api/v2/trace/{LargeTrace}", null, false);
        yield return ("/jaeger/api/services", null, false);
        yield return ("/jaeger/api/services/service/operations", null, false);
        yield return ("/zipkin/api/v2/spans?serviceName=service", null, false);
    }

    [Fact]
    public async Task Every_answer_is_given_or_cut_or_refused_and_the_server_goes_on()
    {
        await using var tempo = TempoProcess.Prepare(new TempoSettings
        {
            Overrides = "{defaults: {read: {max_bytes_per_tag_values_query: 1000000000}, ingestion: {rate_limit_bytes: 1000000000000, burst_size_bytes: 1000000000000, max_traces_per_user: 0}, global: {max_bytes_per_trace: 0}}}",
        });
        tempo.Variables["DOTNET_GCHeapHardLimit"] = HeapBytes.ToString("x", System.Globalization.CultureInfo.InvariantCulture);
        await tempo.StartAsync();
        using var otlp = new OtlpHttpClient(tempo.OtlpHttpUrl);
        for (var i = 0; i < Requests; i++) await StoreAsync(otlp, Request(i, null));
        for (var i = 0; i < LargeTraceRequests; i++) await StoreAsync(otlp, Request(Requests + i, LargeTrace));
        await tempo.Api.FlushAsync();

        var (cut, refused, again) = (0, 0, 0);
        foreach (var (path, accept, isTooMuch) in Table())
        {
            var answer = await tempo.Api.AskAsync(path, accept: accept);
            // What pages and the collector take for a moment is in no account: one that finds nothing then is told to try again, and does.
            for (; answer.Status == 503 && again < MostAgain; again++) answer = await tempo.Api.AskAsync(path, accept: accept);
            var isCut =
                answer.Headers.TryGetValue("X-Tempo-Partial", out var message) && message.Contains("of memory", StringComparison.Ordinal);
            Assert.True(answer.Status == 200 || isTooMuch && answer.Status == 422,
                $"{path} {accept}: {answer.Status} {(answer.Body.Length < 1000 ? answer.Text : "")}\n{tempo.Log[Math.Max(0, tempo.Log.Length - 3000)..]}");
            if (isCut) cut++;
            if (answer.Status == 422) refused++;
        }

        Assert.True(cut >= 4 && refused >= 6, $"{cut} cut, {refused} refused: this is not more than there is memory for");
        var mine = Spans.NewTrace(3, "afterwards");
        await StoreAsync(otlp, ExportRequest.Encode(mine));
        Assert.Equal([(mine[0].TraceId, 3)], await tempo.Api.SearchAsync("{ name = \"afterwards\" }"));
        if (again == 0) Assert.DoesNotContain("OutOfMemory", tempo.Log, StringComparison.Ordinal);
    }

    // As a sender does: what is to be tried again is.
    private static async Task StoreAsync(OtlpHttpClient otlp, byte[] request)
    {
        while (true)
        {
            var answer = await otlp.PostAsync(request);
            if (answer.Status == 200) return;
            Assert.True(answer.Status == 503, answer.ToString());
            await Task.Delay(100);
        }
    }

    private static byte[] Request(int number, string? trace)
    {
        var spans = new ProtobufMessage();
        var (id, padding) = (new byte[8], new string('v', 50));
        var now = (ulong)DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() * 1_000_000;
        for (var i = 0; i < SpansOfARequest; i++)
        {
            BinaryPrimitives.WriteInt64BigEndian(id, number * SpansOfARequest + i + 1L);
            var span = new ProtobufMessage().Bytes(1, Convert.FromHexString(trace ?? Spans.NewTraceId())).Bytes(2, id)
                .String(5, $"name-{number % 10}").Fixed64(7, now).Fixed64(8, now + 1000);
            for (var k = 0; k < ValuesOfASpan; k++)
                span.Message(9, new ProtobufMessage().String(1, $"key-{k}")
                    .Message(2, new ProtobufMessage().String(1, $"{padding}-{number}-{i}-{k}")));
            spans.Message(2, span);
        }

        var service = new ProtobufMessage().Message(
            1, new ProtobufMessage().String(1, "service.name").Message(2, new ProtobufMessage().String(1, "service")));
        return new ProtobufMessage().Message(1, new ProtobufMessage().Message(1, service).Message(2, spans)).ToArray();
    }
}
