using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;
using Tempo.Engine.Foundation;
using Tempo.Host.Tenancy;
using Xunit;

namespace Tempo.Host.Tests.Tenancy;

public class TenantResolverTests
{
    [Theory]
    [InlineData("a", "a")]
    [InlineData("a|a", "a")]
    [InlineData("Az09!-_.*'()", "Az09!-_.*'()")]
    public void OneTenant(string header, string expected)
    {
        Assert.Equal(TenantFailure.None, TenantResolver.Resolve(header, out var tenant, out _));
        Assert.Equal(expected, tenant.Value);
    }

    [Theory]
    [InlineData("", TenantFailure.Missing, "no org id")]
    [InlineData("|", TenantFailure.Invalid, "no org id")]
    [InlineData("a||b", TenantFailure.Invalid, "no org id")]
    [InlineData("|a", TenantFailure.Invalid, "no org id")]
    [InlineData("a|b", TenantFailure.Multiple, "multiple org IDs present")]
    [InlineData("a|a|b", TenantFailure.Multiple, "multiple org IDs present")]
    [InlineData("a|b/", TenantFailure.Invalid, "tenant ID 'b/' contains unsupported character '/'")]
    [InlineData("a/b", TenantFailure.Invalid, "tenant ID 'a/b' contains unsupported character '/'")]
    [InlineData("blocks.lock", TenantFailure.Invalid, "tenant ID 'blocks.lock' is a name of the store's own files")]
    [InlineData(".put-x", TenantFailure.Invalid, "tenant ID '.put-x' is a name of the store's own files")]
    [InlineData("tempo_cluster_seed.json", TenantFailure.Invalid, "tenant ID 'tempo_cluster_seed.json' is a name of the store's own files")]
    [InlineData("..", TenantFailure.Invalid, "tenant ID is '.' or '..'")]
    [InlineData("%2e%2e", TenantFailure.Invalid, "tenant ID '%2e%2e' contains unsupported character '%'")]
    [InlineData("а", TenantFailure.Invalid, "tenant ID 'а' contains unsupported character 'а'")]
    public void NoTenant(string header, TenantFailure failure, string text)
    {
        Assert.Equal(failure, TenantResolver.Resolve(header, out _, out var error));
        Assert.Equal(text, error);
    }

    [Fact]
    public void TooLongIsMoreThan150()
    {
        Assert.Equal(TenantFailure.None, TenantResolver.Resolve(new string('a', 150), out _, out _));
        Assert.Equal(TenantFailure.Invalid, TenantResolver.Resolve(new string('a', 151), out _, out var error));
        Assert.Equal("tenant ID is too long: max 150 characters", error);
    }

    [Fact]
    public void TwoHeadersAreNotJoined() =>
        Assert.Equal(TenantFailure.Invalid, TenantResolver.Resolve(new StringValues(["a", "b"]), out _, out _));

    [Fact]
    public void TheHeaderCountsOnlyWithMultitenancy()
    {
        var headers = new HeaderDictionary { ["x-scope-orgid"] = "a/b" };
        Assert.Equal(TenantFailure.None, new TenantResolver(false).Resolve(headers, out var tenant, out _));
        Assert.Equal(TenantId.Single, tenant);
        Assert.Equal(TenantFailure.Invalid, new TenantResolver(true).Resolve(headers, out _, out _));
        Assert.Equal(TenantFailure.Missing, new TenantResolver(true).Resolve(new HeaderDictionary(), out _, out _));
    }
}
