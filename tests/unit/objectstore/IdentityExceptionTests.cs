namespace Tempo.Engine.ObjectStore.Tests;

/// <summary>What a cloud's library says of its failure is shown without the answer that it quotes, in which a token may stand.</summary>
public sealed class IdentityExceptionTests
{
    [Theory]
    [InlineData("no credentials: timed out\nafter 5 s", "no credentials: timed out after 5 s")]
    [InlineData("unexpected answer: {\"access_token\":\"canary\"}",
        "unexpected answer: … (what was answered is not shown: it may be a token)")]
    [InlineData("unexpected answer: <AssumeRoleResponse><SecretAccessKey>canary",
        "unexpected answer: … (what was answered is not shown: it may be a token)")]
    [InlineData("<x>canary{", "… (what was answered is not shown: it may be a token)")]
    public void Answers_are_left_out(string text, string shown) => Assert.Equal(shown, IdentityException.Clean(text));
}
