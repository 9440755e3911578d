namespace Tempo.Engine.ObjectStore.Tests;

public class ObjectKeyTests
{
    [Theory]
    [InlineData("a")]
    [InlineData("single-tenant/4e44ed2f-54c9-4f9e-8c1f-1f3a4d5d4e11/bloom-0")]
    [InlineData("a..b/...")]
    [InlineData(".hidden/x")]
    [InlineData("tenant with spaces/ü")]
    public void GoodNames(string name) => Assert.Equal(name, ObjectKey.Parse(name).ToString());

    [Theory]
    [InlineData("", "empty")]
    [InlineData("/a", "a part is empty")]
    [InlineData("a/", "a part is empty")]
    [InlineData("a//b", "a part is empty")]
    [InlineData("..", "'..'")]
    [InlineData("a/../b", "'..'")]
    [InlineData("a/./b", "'.'")]
    [InlineData("a\\b", "U+005C")]
    [InlineData("a\0b", "U+0000")]
    [InlineData("a\nb", "U+000A")]
    [InlineData("a\uD800b", "U+FFFD")]
    [InlineData("a/.put-1-2", "reserved")]
    public void BadNamesAreRefusedWithTheReason(string name, string reason)
    {
        Assert.False(ObjectKey.TryParse(name, out var key, out var error));
        Assert.Contains(reason, error, StringComparison.Ordinal);
        Assert.True(key.IsRoot);
    }

    [Fact]
    public void LengthsAreInUtf8Bytes()
    {
        Assert.True(ObjectKey.TryParse(new string('a', 255), out _, out _));
        Assert.False(ObjectKey.TryParse(new string('a', 256), out _, out _));
        Assert.False(ObjectKey.TryParse(new string('ü', 128), out _, out _));
        var parts = string.Concat(Enumerable.Repeat(new string('a', 127) + "/", 8)); // 1024 bytes
        Assert.True(ObjectKey.TryParse(parts[..1023] + "b", out _, out _));
        Assert.False(ObjectKey.TryParse(parts + "b", out _, out var error));
        Assert.Contains("1024", error, StringComparison.Ordinal);
    }

    [Fact]
    public void AppendingChecksAgain()
    {
        var tenant = ObjectKey.Root.Append("tenant");
        Assert.Equal("tenant/block/meta.json", tenant.Append("block").Append("meta.json").ToString());
        Assert.Equal("meta.json", tenant.Append("block/meta.json").LastPart);
        Assert.Throws<ArgumentException>(() => tenant.Append("../other"));
        Assert.False(tenant.TryAppend("..", out _));
    }
}
