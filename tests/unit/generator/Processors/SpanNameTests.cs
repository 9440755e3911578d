using System.Text;
using Tempo.Engine.Generator.SpanMetrics;
using Tempo.Engine.Generator.Spans;
using Tempo.Generator.Tests.Testing;

namespace Tempo.Generator.Tests.Processors;

/// <summary>Span names and their templates.</summary>
public sealed class SpanNameTests
{
    private static string Of(SpanNameTemplates templates, string name) =>
        Encoding.UTF8.GetString(templates.Of(Encoding.UTF8.GetBytes(name)));

    [Theory]
    [InlineData("GET /cart", "GET /cart")]
    [InlineData("GET /cart/42/items", "GET /cart/<_>/items")]
    [InlineData("GET /users/3f2504e0-4f89-11d3-9a0c-0305e82c3301", "GET /users/<_>-<_>-<_>-<_>-<_>")]
    [InlineData("SELECT orders_2026_11", "SELECT orders_<_>_<_>")]
    [InlineData("beef.feed", "beef.feed")]
    [InlineData("http2 /v1/db2", "http2 /v1/db2")]
    [InlineData("GET /a?x=1&y=two", "GET /a?x=<_>&y=two")]
    [InlineData("", "")]
    [InlineData("///", "///")]
    [InlineData("ünicode/ß7", "ünicode/ß7")]
    public void Numbers_vary_and_words_do_not(string name, string template) =>
        Assert.Equal(template, Of(new SpanNameTemplates(new ProcessorCounts()), name));

    [Fact]
    public void Too_many_words_at_one_place_vary_and_those_before_them_keep_their_names()
    {
        var templates = new SpanNameTemplates(new ProcessorCounts());
        for (var i = 0; i < SpanNameTemplates.MaxChildren; i++)
            Assert.Equal($"GET /user/{Word(i)}/show", Of(templates, $"GET /user/{Word(i)}/show"));
        for (var i = SpanNameTemplates.MaxChildren; i < 5000; i++)
            Assert.Equal("GET /user/<_>/show", Of(templates, $"GET /user/{Word(i)}/show"));
        Assert.Equal($"GET /user/{Word(7)}/show", Of(templates, $"GET /user/{Word(7)}/show"));
        Assert.Equal("GET /other/x", Of(templates, "GET /other/x"));
        Assert.Equal("GET /user/<_>/hide", Of(templates, $"GET /user/{Word(4000)}/hide"));
    }

    // Whatever comes, and however often the known names are forgotten: one name, one template.
    [Fact]
    public void A_name_keeps_its_template_and_the_templates_stay_few()
    {
        var (templates, random) = (new SpanNameTemplates(new ProcessorCounts()), new Random(5));
        var seen = new Dictionary<string, string>();
        var all = new HashSet<string>();
        for (var i = 0; i < 200_000; i++)
        {
            var name = $"{Word(random.Next(20))} /{Word(random.Next(50))}/{Word(random.Next(60_000))}";
            var template = Of(templates, name);
            all.Add(template);
            if (!seen.TryAdd(name, template)) Assert.Equal(seen[name], template);
        }

        Assert.InRange(all.Count, 1, 25_000);
    }

    [Theory]
    [InlineData(SpanNameSanitization.Enabled, 2, 3)]
    [InlineData(SpanNameSanitization.DryRun, 4, 3)]
    [InlineData(SpanNameSanitization.Disabled, 4, 0)]
    public void The_label_has_the_template_and_the_sum_is_the_same(SpanNameSanitization sanitization, int series, long replaced)
    {
        var generator = Generators.New(
            "span-metrics-count", s => s with { SpanMetrics = new SpanMetricsSettings { SpanNameSanitization = sanitization } });
        ulong id = 1;
        foreach (var name in new[] { "GET /cart/1", "GET /cart/2", "GET /cart/3", "GET /cart" })
            generator.Add(new TestSpan { Id = id++, Name = name });
        var sheet = SeriesSheet.Of(generator);
        Assert.Equal((series, 4), (sheet.Values.Count, sheet.Sum("traces_spanmetrics_calls_total")));
        Assert.Equal(replaced, generator.Counts().SpanNamesSanitized);
    }

    // So that one can see what it would save before it is turned on.
    [Theory]
    [InlineData(SpanNameSanitization.Enabled, 4, 4)]
    [InlineData(SpanNameSanitization.DryRun, 2001, 4)]
    [InlineData(SpanNameSanitization.Disabled, 2001, 0)]
    public void The_series_that_templates_would_leave_are_estimated(SpanNameSanitization sanitization, int series, long estimate)
    {
        var generator = Generators.New(
            "span-metrics-count", s => s with { SpanMetrics = new SpanMetricsSettings { SpanNameSanitization = sanitization } });
        generator.Add([.. Enumerable.Range(1, 2000).Select(i => new TestSpan { Id = (ulong)i, Name = $"GET /cart/{i}", Kind = 1 + i % 3 }),
            new TestSpan { Id = 9999, Name = "GET /cart" }]);
        Assert.Equal(series, SeriesSheet.Of(generator).Values.Count);
        // Two of the few may share a register.
        Assert.InRange(generator.Counts().SanitizedDemandEstimate, Math.Max(0, estimate - 1), estimate);
    }

    private static string Word(int number) =>
        new string([.. number.ToString("x5", System.Globalization.CultureInfo.InvariantCulture)
            .Select(static c => (char)('g' + Convert.ToInt32(c.ToString(), 16)))]);
}
