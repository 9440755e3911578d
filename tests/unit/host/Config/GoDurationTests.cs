using Tempo.Host.Config;
using Xunit;

namespace Tempo.Host.Tests.Config;

public class GoDurationTests
{
    private const long Second = 1_000_000_000;

    [Theory]
    [InlineData("0", 0)]
    [InlineData("1h30m", 5400 * Second)]
    [InlineData("-1.5s", -3 * Second / 2)]
    [InlineData("+100ms", Second / 10)]
    [InlineData("1us1ns", 1001)]
    [InlineData("2µs", 2000)]
    [InlineData("2μs", 2000)]
    [InlineData(".5m", 30 * Second)]
    [InlineData("1.s", Second)]
    [InlineData("2562047h47m16.854775807s", long.MaxValue)]
    public void ParsesGo(string text, long expected)
    {
        Assert.True(GoDuration.TryParse(text, out var nanoseconds, out _));
        Assert.Equal(expected, nanoseconds);
    }

    [Theory]
    [InlineData("", "time: invalid duration \"\"")]
    [InlineData("x", "time: invalid duration \"x\"")]
    [InlineData("-", "time: invalid duration \"-\"")]
    [InlineData("100", "time: missing unit in duration \"100\"")]
    [InlineData("1d", "time: unknown unit \"d\" in duration \"1d\"")]
    [InlineData("1.2.3s", "time: invalid duration \"1.2.3s\"")]
    [InlineData(".s", "time: invalid duration \".s\"")]
    [InlineData("1h2", "time: missing unit in duration \"1h2\"")]
    [InlineData("2562047h47m16.854775808s", "time: invalid duration \"2562047h47m16.854775808s\"")]
    [InlineData("9999999999999999999999999999h", "time: invalid duration \"9999999999999999999999999999h\"")]
    [InlineData("99999999999999999999999999999999999999h", "time: invalid duration \"99999999999999999999999999999999999999h\"")]
    public void RefusesInGosWords(string text, string expected)
    {
        Assert.False(GoDuration.TryParse(text, out _, out var error));
        Assert.Equal(expected, error);
    }

    [Theory]
    [InlineData("7d", 7 * 86400)]
    [InlineData("1w", 7 * 86400)]
    [InlineData("1d12h", 129600)]
    [InlineData("0", 0)]
    public void ParsesPrometheus(string text, long seconds)
    {
        Assert.True(GoDuration.TryParsePrometheus(text, out var nanoseconds));
        Assert.Equal(seconds * Second, nanoseconds);
    }

    [Theory]
    [InlineData("")]
    [InlineData("-1h")]
    [InlineData("1")]
    [InlineData("1.5h")]
    [InlineData("1h1d")]
    [InlineData("1h1h")]
    [InlineData("999999y")]
    [InlineData("9999999999999999999s")]
    public void RefusesPrometheus(string text) => Assert.False(GoDuration.TryParsePrometheus(text, out _));

    [Theory]
    [InlineData(168 * 3600 * Second, "168h0m0s")]
    [InlineData(90 * Second, "1m30s")]
    [InlineData(3 * Second / 2, "1.5s")]
    [InlineData(8_640_000_000, "8.64s")]
    [InlineData(30_000_000, "30ms")]
    [InlineData(1500, "1.5µs")]
    [InlineData(-1, "-1ns")]
    [InlineData(0, "0s")]
    [InlineData(long.MinValue, "-2562047h47m16.854775808s")]
    public void FormatsAsGo(long nanoseconds, string expected) => Assert.Equal(expected, GoDuration.Format(nanoseconds));

    [Fact]
    public void WhatIsFormattedReadsBack()
    {
        var random = new Random(7);
        for (var run = 0; run < 10_000; run++)
        {
            var value = random.NextInt64() >> random.Next(63);
            Assert.True(GoDuration.TryParse(GoDuration.Format(value), out var again, out _));
            Assert.Equal(value, again);
        }
    }
}
