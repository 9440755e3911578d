using Tempo.Engine.TraceQL.Text;

namespace Tempo.Engine.TraceQL.Tests;

public sealed class GoDurationTests
{
    [Theory]
    [InlineData("1h30m", 5_400_000_000_000, "1h30m0s")]
    [InlineData("2d", 172_800_000_000_000, "48h0m0s")]
    [InlineData("1w", 604_800_000_000_000, "168h0m0s")]
    [InlineData("1y", 31_536_000_000_000_000, "8760h0m0s")]
    [InlineData("1.5s", 1_500_000_000, "1.5s")]
    [InlineData("1.5h30.5m", 7_230_000_000_000, "2h0m30s")]
    [InlineData("1ms1s", 1_001_000_000, "1.001s")]
    [InlineData("250us", 250_000, "250µs")]
    [InlineData("1.5µs", 1_500, "1.5µs")]
    [InlineData("7ns", 7, "7ns")]
    [InlineData("0s", 0, "0s")]
    [InlineData("2562047h47m16.854775807s", long.MaxValue, "2562047h47m16.854775807s")]
    public void Is_read_and_written(string text, long nanoseconds, string written)
    {
        Assert.True(GoDuration.TryParse(text, out long value));
        Assert.Equal(nanoseconds, value);
        Assert.Equal(written, GoDuration.Format(nanoseconds));
    }

    [Theory]
    [InlineData("")]
    [InlineData("1")]
    [InlineData("s")]
    [InlineData(".s")]
    [InlineData("1h1d")]
    [InlineData("1.5d")]
    [InlineData("1m30")]
    [InlineData("2562047h47m16.854775808s")]
    [InlineData("99999999999999999999h")]
    [InlineData("300y")]
    public void Is_refused(string text) => Assert.False(GoDuration.TryParse(text, out _));

    [Fact]
    public void Every_negative_one_can_be_written() => Assert.Equal("-2562047h47m16.854775808s", GoDuration.Format(long.MinValue));
}
