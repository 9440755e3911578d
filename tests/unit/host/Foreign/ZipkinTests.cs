using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;
using Tempo.Engine.Foundation;
using Tempo.Host.Config;
using Tempo.Host.Foreign.Zipkin;
using Tempo.Host.Http;
using Tempo.Host.Tests.Testing;
using Tempo.Query.Tests.Testing;
using Xunit;

namespace Tempo.Host.Tests.Foreign;

public class ZipkinTests
{
    private static readonly DateTimeOffset Now = DateTimeOffset.FromUnixTimeSeconds(1_795_221_253);

    private static bool TryParse(string query, out ZipkinQuery parsed, out string error) =>
        ZipkinQuery.TryParse(new QueryCollection(QueryHelpers.ParseQuery(query)), new SearchLimits(), Now, out parsed, out error);

    [Fact]
    public async Task ASpanIsWrittenAsZipkinDoes()
    {
        TestSpan[] spans =
        [
            TestTraces.Span(1) with
            {
                Name = "get",
                Kind = 3,
                Status = 2,
                DurationNano = 5_000_999,
                Scope = new TestScope("lib", "", []),
                Resource = new TestResource([("service.name", "shop"), ("zone", "b")]),
                Attributes = [("zone", "of the span"), ("i", 5L), ("list", new object[] { "p" }), ("peer.service", "db"),
                    ("net.peer.ip", "10.0.0.1"), ("net.peer.port", 5432L)],
                Events = [new TestEvent("plain", 2000, []), new TestEvent("e", 3000, [("k", "v"), ("n", 1L)])],
            },
            TestTraces.Span(2, parent: 1, service: "") with { Kind = 2, Attributes = [("server.address", "::1")] },
            TestTraces.Span(3, parent: 1, service: "") with { Attributes = [("server.address", "::1")] },
            TestTraces.Span(4, parent: 1, service: "") with { Kind = 2,
                Attributes = [("peer.service", "web"), ("net.peer.ip", "10.0.0.2")] },
        ];
        using var output = new MemoryStream();
        await using (var json = new Utf8JsonWriter(output))
        {
            using var body = new TraceByIdBody(await TestTraces.FindAsync(spans), 0);
            json.WriteStartArray();
            foreach (var span in body.ReadPart(out _)) ZipkinJson.WriteSpan(json, span);
            json.WriteEndArray();
        }

        const string trace = "\"traceId\":\"000000000000000a000000000000000b\"";
        const ulong start = TestTraces.StartNano / 1000;
        var expected =
            $"[{{{trace},\"id\":\"0000000000000001\",\"kind\":\"CLIENT\",\"name\":\"get\",\"timestamp\":{start},\"duration\":5000,"
                + "\"localEndpoint\":{\"serviceName\":\"shop\"},\"remoteEndpoint\":{\"serviceName\":\"db\",\"ipv4\":\"10.0.0.1\",\"port\":5432},"
                + $"\"annotations\":[{{\"timestamp\":{start + 2},\"value\":\"plain\"}},{{\"timestamp\":{start + 3},\"value\":\"e: {{\\u0022k\\u0022:\\u0022v\\u0022,\\u0022n\\u0022:1}}\"}}],"
                + "\"tags\":{\"error\":\"true\",\"i\":\"5\",\"list\":\"[\\u0022p\\u0022]\",\"net.peer.ip\":\"10.0.0.1\",\"net.peer.port\":\"5432\",\"otel.scope.name\":\"lib\","
                + "\"otel.status_code\":\"ERROR\",\"peer.service\":\"db\",\"zone\":\"of the span\"}},"
                + $"{{{trace},\"parentId\":\"0000000000000001\",\"id\":\"0000000000000002\",\"kind\":\"SERVER\",\"name\":\"n\",\"timestamp\":{start},\"duration\":1,\"tags\":{{\"server.address\":\"::1\"}}}},"
                + $"{{{trace},\"parentId\":\"0000000000000001\",\"id\":\"0000000000000003\",\"name\":\"n\",\"timestamp\":{start},\"duration\":1,"
                + "\"remoteEndpoint\":{\"serviceName\":\"::1\",\"ipv6\":\"::1\"},\"tags\":{\"server.address\":\"::1\"}},"
                + $"{{{trace},\"parentId\":\"0000000000000001\",\"id\":\"0000000000000004\",\"kind\":\"SERVER\",\"name\":\"n\",\"timestamp\":{start},\"duration\":1,"
                + "\"remoteEndpoint\":{\"serviceName\":\"web\",\"ipv4\":\"10.0.0.2\"},\"tags\":{\"net.peer.ip\":\"10.0.0.2\",\"peer.service\":\"web\"}}]";
        Assert.Equal(expected, Encoding.UTF8.GetString(output.ToArray()));
    }

    [Fact]
    public void TheParametersOfLensAreUnderstood()
    {
        Assert.True(TryParse(
            "serviceName=shop&remoteServiceName=db&spanName=get&annotationQuery=error and http.method=GET and retry&minDuration=100&maxDuration=200&limit=7&endTs=1795221200000&lookback=3600000", out var query, out var error), error);
        Assert.Equal(
            "{ resource.service.name = \"shop\" && .\"peer.service\" = \"db\" && name = \"get\" && status = error && .\"http.method\" = \"GET\""
            + " && (.\"retry\" != nil || event:name = \"retry\") && span:duration >= 100000ns && span:duration <= 200000ns }",
                query.Spans.ToString());
        Assert.Equal((1_795_217_600, 1_795_221_201, 7), (query.Range.StartSeconds, query.Range.EndSeconds, query.Limit));
        Assert.True(TryParse("", out query, out _));
        Assert.Equal(("{}", 10, 1_795_221_253 - 86400), (query.Spans.ToString(), query.Limit, query.Range.StartSeconds));
    }

    [Theory]
    [InlineData("limit=0", "limit is 1 to 262144")]
    [InlineData("limit=x", "invalid value for limit: x")]
    [InlineData("maxDuration=5", "maxDuration is only valid with minDuration")]
    [InlineData("minDuration=5&maxDuration=4", "maxDuration < minDuration")]
    [InlineData("endTs=-1", "invalid value for endTs: -1")]
    [InlineData("lookback=604800001", "lookback is at most 604800000 ms")]
    public void Errors(string query, string expected)
    {
        Assert.False(TryParse(query, out _, out var error));
        Assert.Equal(expected, error);
    }

    [Theory]
    [InlineData("1,ab", true)]
    [InlineData("1", false)]
    [InlineData("", false)]
    [InlineData("1,x", false)]
    public void ManyIsTwoOrMore(string text, bool isGood)
    {
        Assert.Equal(isGood, ZipkinQuery.TryReadIds(text, out var ids, out _));
        if (isGood) Assert.Equal([new TraceId(0, 1), new TraceId(0, 0xab)], ids);
    }
}
