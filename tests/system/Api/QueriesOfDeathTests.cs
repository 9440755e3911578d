using System.Text.RegularExpressions;
using Tempo.Query.Tests;
using Tempo.SystemTests.Facts;
using Tempo.SystemTests.Otlp;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Api;

/// <summary>
/// Queries that are meant to hurt, against the real binary: each is answered within what a query may have, or refused as wrong (with the
/// place in the text, where the text is wrong), as too much, or as too long. The server and its other tenants are none the worse.
/// </summary>
public sealed partial class QueriesOfDeathTests
{
    private const string Tenant = "death", Neighbour = "neighbour";

    /// <summary>An answer of a refusal says what is wrong, not all of what was sent.</summary>
    private const int MaxRefusalBytes = 16 * 1024;

    /// <summary>Over some thousand spans no answer is larger.</summary>
    private const int MaxAnswerBytes = 32 << 20;

    /// <summary>What the process may have at its most, of which queries of this size need little.</summary>
    private const long MaxResidentBytes = 1L << 30;

    private static readonly long Now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();

    [GeneratedRegex(@"line \d+, col(umn)? \d+")]
    private static partial Regex Position();

    /// <summary>Path and expected statuses of each.</summary>
    private static IEnumerable<(string Name, string Path, int[] Expected)> Table()
    {
        int[] any = [200, 400, 422, 429, 503, 504];
        foreach (var (name, query) in QueriesOfDeath.All())
        {
            // 128 KiB of text are read; a URL may have 512 KiB.
            var q = Uri.EscapeDataString(query);
            yield return (name, $"/api/search?q={q}&limit=262144&spss=100",
                q.Length > 500_000 ? [400, 414, 431] : query.Length > 128 << 10 ? [400] : any);
        }

        foreach (var case_ in Metrics().Concat(Tags()).Concat(Parameters())) yield return case_;
    }

    private static IEnumerable<(string Name, string Path, int[] Expected)> Metrics()
    {
        int[] any = [200, 400, 422, 503, 504];
        string[] functions =
        [
            "rate() by (span:id, trace:id, name, .a, .b)", "quantile_over_time(duration, 0, .1, .5, .9, .99, 1) by (span:id)",
            "histogram_over_time(duration) by (span:id)", "count_distinct(span:id) by (name)",
            "compare({ status = error }, 1000)", "compare({ status = error }, 1000000)", "sum_over_time(duration) | topk(1000000000)",
            "rate() by (.a, .b, .c, .d, .e, .f)", "quantile_over_time(duration, 2)", "quantile_over_time(duration, NaN)",
        ];
        foreach (var function in functions)
        {
            var q = Uri.EscapeDataString($"{{ }} | {function}");
            yield return ($"range {function}", $"/api/metrics/query_range?q={q}&start={Now - 3600}&end={Now}&step=1s", any);
            yield return ($"instant {function}", $"/api/metrics/query?q={q}&start={Now - 3600}&end={Now}", any);
            yield return ($"range over a year {function}", $"/api/metrics/query_range?q={q}&start={Now - 365 * 86400}&end={Now}&step=1ns",
                [400]);
        }

        var rate = Uri.EscapeDataString("{ } | rate()");
        foreach (var (name, step) in new[] { ("NaN", "NaN"), ("negative", "-5s"), ("infinite", "Inf"),
            ("overflowing", "99999999999999999999s"), ("no number", "x"), ("a nanosecond's", "1ns") })
            yield return ($"{name} step", $"/api/metrics/query_range?q={rate}&start={Now - 86400}&end={Now}&step={step}", [400]);
        // the server's choice
        yield return ("a step of zero", $"/api/metrics/query_range?q={rate}&start={Now - 3600}&end={Now}&step=0", any);
        yield return ("exemplars without end", $"/api/metrics/query_range?q={rate}&start={Now - 3600}&end={Now}&step=1s&exemplars=4294967295", any);
        yield return ("exemplars beyond all", $"/api/metrics/query_range?q={rate}&start={Now - 3600}&end={Now}&step=1s&exemplars=99999999999", any);
        yield return ("metrics end before start", $"/api/metrics/query_range?q={rate}&start={Now}&end={Now - 3600}", [400]);
        yield return ("metrics over all of time", $"/api/metrics/query_range?q={rate}&start=1&end=18446744073&step=1s", any);
        foreach (var n in new[] { 10, 1000, 5000 })
            yield return ($"{n} rates added", $"/api/metrics/query_range?q={Uri.EscapeDataString(string.Join(" + ", Enumerable.Repeat("({ } | rate())", n)))}&start={Now - 3600}&end={Now}", any);
    }

    private static IEnumerable<(string Name, string Path, int[] Expected)> Tags()
    {
        int[] any = [200, 400, 422, 503, 504];
        foreach (var n in new[] { 10, 100, 1000, 10_000 })
        {
            var q = Uri.EscapeDataString(
                "{ " + string.Join(" && ", Enumerable.Range(0, n).Select(static i => $"(.a{i} = 1 || .b{i} = 2)")) + " }");
            yield return ($"tag values of {n} ors", $"/api/v2/search/tag/name/values?q={q}",
                q.Length > 500_000 ? [400, 414, 431] : n > 6 ? [400] : any);
            yield return ($"tag names of {n} ors", $"/api/v2/search/tags?q={q}",
                q.Length > 500_000 ? [400, 414, 431] : n > 6 ? [400] : any);
        }

        foreach (var name in new[] { new string('n', 10_000), "span." + new string('n', 10_000), "%00", "span..", "{}", "a%20b",
            "%F0%9F%92%A3", "\"", "span.\"" })
            yield return ($"tag values of {name[..Math.Min(20, name.Length)]}",
                $"/api/v2/search/tag/{(name.Contains('%', StringComparison.Ordinal) ? name : Uri.EscapeDataString(name))}/values", any);
    }

    private static IEnumerable<(string Name, string Path, int[] Expected)> Parameters()
    {
        var all = Uri.EscapeDataString("{ }");
        // Durations beside a query mean nothing, as in Tempo.
        foreach (var (parameter, value) in new[]
        {
            ("limit", "-1"), ("limit", "0"), ("limit", "9999999999"), ("limit", "NaN"), ("limit", "1e9"), ("spss", "-1"),
            ("spss", "2147483648"), ("spss", "x"),
            ("start", "-1"), ("start", "99999999999999999999"), ("end", "4294967296"), ("end", "x"), ("minDuration", "-1s"),
            ("minDuration", "9999999h"), ("minDuration", "x"), ("maxDuration", "x"),
        })
            yield return ($"{parameter}={value}", $"/api/search?q={all}&{parameter}={value}",
                value is "0" || parameter.EndsWith("Duration", StringComparison.Ordinal) ? [200, 400] : [400]);
        // CVE-2026-21728: memory by the result, not by the number
        yield return ("limit=2147483647", $"/api/search?q={all}&limit=2147483647&spss=2147483647", [400]);
        yield return ("the largest limits", $"/api/search?q={all}&limit=262144&spss=100", [200]);
        yield return ("start after end", $"/api/search?q={all}&start={Now}&end={Now - 5}", [400]);
        yield return ("a year", $"/api/search?q={all}&start={Now - 365 * 86400}&end={Now}", [200, 400]);
        yield return ("start alone", $"/api/search?q={all}&start={Now}", [400]);
        yield return ("a name twice", $"/api/search?q={all}&q={all}&limit=1&limit=2", [200, 400]);
        yield return ("10,000 names", $"/api/search?q={all}{string.Concat(Enumerable.Range(0, 10_000).Select(static i => $"&p{i}=1"))}",
            [200, 400]);
        yield return ("tags that are none", "/api/search?tags=" + Uri.EscapeDataString(new string('"', 5000)), [200, 400]);
        yield return ("10,000 tags", "/api/search?tags="
            + Uri.EscapeDataString(string.Join(' ', Enumerable.Range(0, 10_000).Select(static i => $"a{i}=b"))), [200, 400, 422]);
    }

    [Fact]
    public async Task Each_is_bounded_and_the_server_and_its_other_tenants_go_on()
    {
        // The time of a query is bounded, so that one that would take for ever is refused and not waited for.
        await using var tempo = await TempoProcess.StartAsync(
            new TempoSettings
            {
                Multitenancy = true,
                More = "query_frontend: {api_timeout: 10s, metrics: {max_response_samples: 200000}}\n"
            });
        using var otlp = new OtlpHttpClient(tempo.OtlpHttpUrl);
        var mine = Spans.NewTrace(3, "neighbours");
        foreach (var (tenant, spans) in new[] { (Tenant, Spans.NewTrace(2000)), (Neighbour, mine) })
            Assert.Equal(200, (await otlp.PostAsync(ExportRequest.Encode(spans), tenant: tenant)).Status);
        await tempo.Api.FlushAsync();
        Assert.Equal(200, (await otlp.PostAsync(ExportRequest.Encode(Spans.NewTrace(2000)), tenant: Tenant)).Status);

        var (tried, refused, placed) = (0, 0, 0);
        foreach (var (name, path, expected) in Table())
        {
            var answer = await AskAsync(tempo, name, path);
            tried++;
            Assert.True(expected.Contains(answer.Status), $"{name}: {answer.Status} {Short(answer.Text)}");
            Assert.True(answer.Body.Length <= (answer.Status == 200 ? MaxAnswerBytes : MaxRefusalBytes),
                $"{name}: {answer.Status} with {answer.Body.Length} bytes");
            if (answer.Status == 200) continue;
            refused++;
            if (!answer.Text.Contains("parse error", StringComparison.Ordinal)) continue;
            Assert.True(Position().IsMatch(answer.Text), $"{name}: {Short(answer.Text)}");
            placed++;
            if (tried % 50 == 0)
                Assert.Equal(
                    3, (await tempo.Api.SearchAsync("{ name = \"neighbours\" }", tenant: Neighbour)).Sum(static trace => trace.Matched));
        }

        Assert.True(tried >= 350 && refused >= 100 && placed >= 30, $"{tried} tried, {refused} refused, {placed} with their place");
        Assert.Equal(200, await tempo.Api.ReadyStatusAsync());
        SpanFacts.AssertSame(mine, await tempo.Api.FindTraceAsync(mine[0].TraceId, Neighbour));
        Assert.InRange((await tempo.Api.MetricsAsync()).Sum("process_resident_memory_bytes"), 1, MaxResidentBytes);
    }

    /// <summary>A thousand at once: each is answered or asked to come again; who waits holds nothing.</summary>
    [Fact]
    public async Task A_thousand_at_once_are_answered_or_told_to_come_again()
    {
        await using var tempo = await TempoProcess.StartAsync(
            new TempoSettings { Multitenancy = true, More = "query_frontend: {max_outstanding_per_tenant: 100}\n" });
        using var otlp = new OtlpHttpClient(tempo.OtlpHttpUrl);
        foreach (var tenant in new[] { Tenant, Neighbour })
            Assert.Equal(200, (await otlp.PostAsync(ExportRequest.Encode(Spans.NewTrace(2000, "neighbours")), tenant: tenant)).Status);
        var path = $"/api/metrics/query_range?q={Uri.EscapeDataString("{ } | compare({ status = error })")}&since=10m&step=10s";
        var deaths = Enumerable.Range(0, 1000).Select(_ => tempo.Api.AskAsync(path, tenant: Tenant)).ToList();
        var neighbours = new List<int>();
        for (var i = 0; i < 10; i++)
            neighbours.Add((await tempo.Api.AskAsync(
                $"/api/search?q={Uri.EscapeDataString("{ name = \"neighbours\" }")}", tenant: Neighbour)).Status);
        Assert.All(neighbours, static status => Assert.Equal(200, status));
        var statuses = (await Task.WhenAll(deaths)).GroupBy(static answer => answer.Status)
            .ToDictionary(static group => group.Key, static group => group.Count());
        Assert.True(statuses.Keys.All(static status => status is 200 or 429), string.Join(", ", statuses));
        Assert.True(statuses.GetValueOrDefault(200) >= 100, string.Join(", ", statuses));
    }

    private static async Task<HttpAnswer> AskAsync(TempoProcess tempo, string name, string path)
    {
        try
        {
            return await tempo.Api.AskAsync(path, tenant: Tenant);
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
        {
            throw new InvalidOperationException($"{name} has no answer: {e.Message}", e);
        }
    }

    private static string Short(string text) => text.Length > 300 ? text[..300] : text;
}
