using Microsoft.AspNetCore.Http;
using Tempo.Host.Config;
using Tempo.Host.Receivers;
using Xunit;

namespace Tempo.Host.Tests.Receivers;

public class CorsPolicyTests
{
    private static readonly CorsOptions Options =
        new() { AllowedOrigins = ["https://*.example.com", "http://one"], AllowedHeaders = ["X-Mine"], MaxAgeSeconds = 60 };

    [Theory]
    [InlineData("https://a.example.com", "content-type,x-mine", true)]
    [InlineData("http://one", "", true)]
    [InlineData("http://two", "", false)]
    [InlineData("https://.example.com.evil", "", false)]
    [InlineData("http://one", "X-Other", false)]
    public void APreflightIsAnswered(string origin, string headers, bool isAllowed)
    {
        var context = new DefaultHttpContext();
        context.Request.Method = "OPTIONS";
        context.Request.Headers.Origin = origin;
        context.Request.Headers.AccessControlRequestMethod = "POST";
        if (headers.Length > 0) context.Request.Headers.AccessControlRequestHeaders = headers;
        Assert.True(new CorsPolicy(Options).TryAnswer(context));
        Assert.Equal(204, context.Response.StatusCode);
        Assert.Equal(isAllowed ? origin : "", context.Response.Headers.AccessControlAllowOrigin.ToString());
        Assert.Equal(isAllowed ? headers : "", context.Response.Headers.AccessControlAllowHeaders.ToString());
        Assert.Equal(isAllowed ? "60" : "", context.Response.Headers.AccessControlMaxAge.ToString());
    }

    [Fact]
    public void AnotherRequestGoesOn()
    {
        var context = new DefaultHttpContext();
        context.Request.Method = "POST";
        context.Request.Headers.Origin = "http://one";
        Assert.False(new CorsPolicy(Options).TryAnswer(context));
        Assert.Equal(("http://one", "true", "Origin"),
            (context.Response.Headers.AccessControlAllowOrigin.ToString(),
                context.Response.Headers.AccessControlAllowCredentials.ToString(), context.Response.Headers.Vary.ToString()));
    }
}
