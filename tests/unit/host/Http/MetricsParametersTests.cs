using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;
using Tempo.Engine.Query;
using Tempo.Host.Http;
using Xunit;

namespace Tempo.Host.Tests.Http;

public class MetricsParametersTests
{
    private const ulong Second = 1_000_000_000;
    private static readonly DateTimeOffset Now = DateTimeOffset.FromUnixTimeSeconds(1_795_221_253);

    private static QueryRangeRequest Read(string query) => MetricsParameters.ReadRange(Parsed(query), new MetricsLimits(), Now);

    private static QueryCollection Parsed(string query) => new(QueryHelpers.ParseQuery(query));

    [Theory]
    [InlineData("", 1_795_217_653, 1_795_221_253)]
    [InlineData("since=5m", 1_795_220_953, 1_795_221_253)]
    [InlineData("start=1795221000", 1_795_221_000, 1_795_221_253)]
    [InlineData("end=1795221000", 1_795_217_400, 1_795_221_000)]
    [InlineData("start=1795221000&end=1795221060&since=5m", 1_795_221_000, 1_795_221_060)]
    [InlineData("start=1795221000000000000&end=2026-11-21T09:31:00Z", 1_795_221_000, 1_795_253_460)]
    public void TimesAreReadInAllForms(string query, ulong start, ulong end)
    {
        var request = Read(query);
        Assert.Equal((start * Second, end * Second), (request.StartUnixNano, request.EndUnixNano));
        var instant = MetricsParameters.ReadInstant(Parsed(query), Now);
        Assert.Equal((start * Second, end * Second), (instant.StartUnixNano, instant.EndUnixNano));
    }

    [Fact]
    public void TimesMayHaveFractions() => Assert.Equal(1_795_221_000_250_000_000UL, Read("start=1795221000.25").StartUnixNano);

    [Theory]
    [InlineData("step=15s", 15_000_000_000)]
    [InlineData("step=15", 15_000_000_000)]
    [InlineData("step=2.5", 2_500_000_000)]
    [InlineData("step=500ms", 500_000_000)]
    [InlineData("", 0)]
    public void StepsAreReadInAllForms(string query, ulong expected) => Assert.Equal(expected, Read(query).StepNano);

    [Theory]
    [InlineData("q={}&exemplars=7&maxSeries=3", 7, 3)]
    [InlineData("query={}&exemplars=x&maxSeries=-1", 0, 0)]
    public void CountsThatAreNoneAreTheDefault(string query, uint exemplars, uint maxSeries)
    {
        var request = Read(query);
        Assert.Equal(("{}", exemplars, maxSeries), (request.Query, request.Exemplars, request.MaxSeries));
    }

    [Theory]
    [InlineData("start=x", "rpc error: code = Code(400) desc = could not parse 'start' parameter: strconv.ParseInt: parsing \"x\": invalid syntax")]
    [InlineData("end=x", "rpc error: code = Code(400) desc = could not parse 'end' parameter: strconv.ParseInt: parsing \"x\": invalid syntax")]
    [InlineData("since=x", "rpc error: code = Code(400) desc = could not parse 'since' parameter: not a valid duration string: \"x\"")]
    [InlineData("step=bad", "rpc error: code = Code(400) desc = cannot parse \"bad\" to a valid duration")]
    [InlineData("start=1795221000&end=1795221300&step=0", "step of 0s is too small, minimum step for given range is 30ms")]
    [InlineData("step=-5s", "start required")]
    public void WhatCannotBeReadIsRefusedWithTemposText(string query, string expected)
    {
        var refused = Assert.Throws<QueryException>(() => Read(query));
        Assert.Equal((QueryErrorKind.BadRequest, expected), (refused.Kind, refused.Message));
    }
}
