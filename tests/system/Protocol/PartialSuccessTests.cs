using System.Globalization;
using System.Text.Json;
using Tempo.SystemTests.Facts;
using Tempo.SystemTests.Otlp;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Protocol;

/// <summary>Of a batch in which good and bad spans are mixed, the good ones are kept and rejected_spans is the number of the
/// bad ones. https://opentelemetry.io/docs/specs/otlp/#partial-success</summary>
public sealed class PartialSuccessTests(SharedTempo shared) : IDisposable
{
    private readonly TempoProcess _tempo = shared.Tempo;
    private readonly GrpcClient _grpc = new(shared.Tempo.OtlpGrpcUrl);
    private readonly OtlpHttpClient _http = new(shared.Tempo.OtlpHttpUrl);

    [Theory]
    [InlineData("grpc", 1)]
    [InlineData("grpc", 2)]
    [InlineData("protobuf", 3)]
    [InlineData("protobuf", 4)]
    [InlineData("json", 5)]
    [InlineData("json", 6)]
    public async Task Rejected_spans_is_exact_and_all_others_are_kept(string protocol, int seed)
    {
        var batch = Mixed(new Random(seed), protocol == "json");
        var good = batch.Where(span => span.IsGood).Select(span => span.Span).ToArray();

        var rejected = await ExportAsync(protocol, [.. batch.Select(span => span.Span)]);
        Assert.Equal(batch.Length - good.Length, rejected);
        foreach (var trace in good.GroupBy(span => span.TraceId))
            SpanFacts.AssertSame(trace, await _tempo.Api.FindTraceAsync(trace.Key));
    }

    public void Dispose()
    {
        _grpc.Dispose();
        _http.Dispose();
    }

    /// <summary>Ten traces of three services in no order, one span in three of them bad in one of the ways there are.</summary>
    private static (SpanFacts Span, bool IsGood)[] Mixed(Random random, bool isJson)
    {
        var mixed = new List<(SpanFacts, bool)>();
        for (var trace = 0; trace < 10; trace++)
        {
            IReadOnlyList<AttributeFacts> resource = [new("service.name", $"string:service-{trace % 3}")];
            foreach (var span in Spans.NewTrace(30))
            {
                var isGood = random.Next(3) > 0;
                mixed.Add(((isGood ? span : Spoilt(span, random, isJson)) with { Resource = resource }, isGood));
            }
        }

        var batch = mixed.ToArray();
        random.Shuffle(batch);
        return batch;
    }

    // In JSON an id of another length is a malformed request, not a bad span.
    private static SpanFacts Spoilt(SpanFacts span, Random random, bool isJson) => random.Next(isJson ? 4 : 7) switch
    {
        0 => span with { TraceId = new string('0', 32) },
        1 => span with { SpanId = new string('0', 16) },
        2 => span with { TraceId = "" },
        3 => span with { SpanId = "" },
        4 => span with { TraceId = span.TraceId[..30] },
        5 => span with { SpanId = span.SpanId + "01" },
        _ => span with { ParentSpanId = "a1a1" },
    };

    private async Task<long> ExportAsync(string protocol, SpanFacts[] spans)
    {
        switch (protocol)
        {
            case "grpc":
                var grpc = await _grpc.ExportAsync(ExportRequest.Encode(spans));
                Assert.Equal(GrpcAnswer.Ok, grpc.Status);
                return grpc.Export().RejectedSpans;
            case "protobuf":
                var protobuf = await _http.PostAsync(ExportRequest.Encode(spans));
                Assert.True(protobuf.Status == 200, protobuf.ToString());
                return ExportAnswer.Parse(protobuf.Body).RejectedSpans;
            default:
                var json = await _http.PostAsync(ExportJson.Encode(spans));
                Assert.True(json.Status == 200, json.ToString());
                using (var answer = JsonDocument.Parse(json.Body))
                    return long.Parse(answer.RootElement.GetProperty("partialSuccess").GetProperty("rejectedSpans").ToString(),
                        CultureInfo.InvariantCulture);
        }
    }
}
