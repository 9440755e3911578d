using System.Text.Json;
using Tempo.SystemTests.Facts;
using Tempo.SystemTests.Otlp;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Api;

/// <summary>The page at /ui, in a real browser; spans whose every text is an attack on it.</summary>
public sealed class UiTests(SharedTempo shared) : IDisposable
{
    private const string Attack = "<img src=x onerror=\"window.hacked=1;alert(1)\"><script>window.hacked=1</script>'\"&lt;${alert(1)}";

    private static readonly string[] Browsers = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
    private readonly OtlpHttpClient _otlp = new(shared.Tempo.OtlpHttpUrl);

    [Theory]
    [InlineData("/ui", "text/html")]
    [InlineData("/ui/app.js", "text/javascript")]
    [InlineData("/ui/style.css", "text/css")]
    public async Task The_files_come_under_a_policy_that_lets_nothing_else_run(string path, string type)
    {
        var answer = await shared.Tempo.Api.AskAsync(path);
        Assert.Equal((200, type), (answer.Status, answer.ContentType));
        Assert.Equal(
            "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
            answer.Headers["Content-Security-Policy"]);
        Assert.Equal("nosniff", answer.Headers["X-Content-Type-Options"]);
        foreach (var banned in new[] { "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "http://", "https://" })
            Assert.DoesNotContain(banned, answer.Text, StringComparison.Ordinal);
        Assert.Equal(404, (await shared.Tempo.Api.AskAsync("/")).Status);
    }

    [Fact]
    public async Task A_person_finds_and_reads_a_trace_and_hostile_texts_stay_texts()
    {
        if (Array.Find(Browsers, File.Exists) is not { } browser)
        {
            Assert.Skip("no Chromium is installed");
            return;
        }

        var spans = Spans.NewTrace(3, Attack);
        spans[0] = spans[0] with
        {
            StatusCode = 2,
            StatusMessage = Attack,
            Attributes = [new(Attack, "string:" + Attack)],
            Events = [new EventFacts(Attack, spans[0].StartUnixNano, [new(Attack, "string:" + Attack)])],
        };
        spans = [.. spans.Select(
            s => s with { Resource = [new("service.name", "string:" + Attack), new(Attack, "string:" + Attack)], ScopeName = Attack })];
        spans[2] = spans[2] with { ParentSpanId = spans[1].SpanId };
        var answer = await _otlp.PostAsync(ExportRequest.Encode(spans));
        Assert.True(answer.Status == 200, answer.ToString());

        var run = await ProgramRun.ToEndAsync(
            "node", [Path.Combine(Repository.Senders, "ui.mjs"), browser, $"http://{shared.Tempo.ApiAddress}/ui",
                $"{{ trace:id = \"{spans[0].TraceId}\" }}", spans[0].TraceId],
            TimeSpan.FromMinutes(2));
        Assert.True(run.ExitCode == 0, $"ui.mjs ended with {run.ExitCode}: {run.Errors}");
        using var seen = JsonDocument.Parse(run.Output);
        // The page is asked for two things that are wrong, and the browser notes the answers.
        Assert.DoesNotContain(seen.RootElement.GetProperty("trouble").EnumerateArray(),
            t => !t.GetString()!.Contains("400 (Bad Request)", StringComparison.Ordinal));
        Assert.Equal(JsonValueKind.Null, seen.RootElement.GetProperty("hacked").ValueKind);
        Assert.Equal(0, seen.RootElement.GetProperty("markup").GetInt32());
        Assert.Contains(Attack, seen.RootElement.GetProperty("services").EnumerateArray().Select(s => s.GetString()));
        Assert.Equal(Attack, seen.RootElement.GetProperty("hit").GetString());
        var rows = seen.RootElement.GetProperty("rows").EnumerateArray().ToArray();
        Assert.Equal(3, rows.Length);
        Assert.All(rows, row => Assert.Equal(Attack + Attack, row.GetProperty("text").GetString()));
        Assert.Equal(["0.6rem", "1.5rem", "2.4rem"], rows.Select(row => row.GetProperty("indent").GetString()));
        Assert.True(seen.RootElement.GetProperty("details").EnumerateArray().Count(d => d.GetString() == Attack) >= 4);
        Assert.StartsWith("400: invalid TraceQL query", seen.RootElement.GetProperty("error").GetString(), StringComparison.Ordinal);
    }

    public void Dispose() => _otlp.Dispose();
}
